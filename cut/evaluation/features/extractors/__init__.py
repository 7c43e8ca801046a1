"""The networks whose features the distances compare; each registers itself when its module is imported."""
