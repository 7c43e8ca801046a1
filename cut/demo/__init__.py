"""A page in the browser on which a trained generator is tried."""
