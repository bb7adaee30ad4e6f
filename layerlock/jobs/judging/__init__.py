"""Parts of the jobs that judge an encoder on a task."""
