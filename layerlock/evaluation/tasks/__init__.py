"""Tasks that frozen features are judged by, one file each."""
