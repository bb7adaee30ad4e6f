"""When and how layers of a Keras model freeze."""
