"""Numbers and pictures of the studies."""
