"""Runs that a study trains one after the other."""
