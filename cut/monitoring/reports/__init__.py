"""Tables and curves of several runs, read back from what they logged."""
