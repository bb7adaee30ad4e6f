"""One file for each source of clips, found by its file name."""
