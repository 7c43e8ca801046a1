"""Files → batches: what is read, how it is prepared, and in which order it comes."""
