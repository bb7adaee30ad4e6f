"""Short scripts with absl flags: the package put to work."""
