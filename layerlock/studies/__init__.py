"""Several runs, and a figure of the paper."""
