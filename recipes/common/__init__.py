"""What recipes share: flags, the settings they amount to, and their parts."""
