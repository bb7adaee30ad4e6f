"""WHAT a person starts: a configuration in, a run or a result out."""
