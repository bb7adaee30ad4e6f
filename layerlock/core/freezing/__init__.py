"""When layers freeze, and how; of any Keras model."""
