"""Methods: how networks are trained to translate. Each is a file that registers a `Method`."""
