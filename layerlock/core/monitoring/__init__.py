"""Whether a run is healthy: measurements, verdict, drift of the layers."""
