"""FLOPs and bytes of a training step, counted from sizes alone."""
