"""One image of any size through a generator."""
