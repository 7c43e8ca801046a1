"""Compare translations with real images: which images, which of them are pairs, and every measure of them."""
