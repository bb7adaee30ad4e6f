"""The Keras callbacks of a run: log, checkpoints, timing, failures."""
