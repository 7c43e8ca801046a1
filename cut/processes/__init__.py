"""Several processes that train one model together, each on its share of every batch (torchrun)."""
