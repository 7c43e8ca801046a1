"""What programs call: `cut.train` and `cut.load`."""
