"""Parts of a pre-training run, from its configuration."""
