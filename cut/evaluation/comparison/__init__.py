"""Translations against real images: which images, which are pairs, and what every measure says of them."""
