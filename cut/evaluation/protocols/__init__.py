"""What test.py and the scripts do: the papers' protocols, and folders of pictures."""
