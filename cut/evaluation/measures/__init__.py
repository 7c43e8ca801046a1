"""How good translations are: distances between sets of images, and scores of aligned pairs."""
