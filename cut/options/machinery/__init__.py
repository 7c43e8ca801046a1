"""How options are declared, read, laid over each other, checked and written; `cut.options` is the front door."""
