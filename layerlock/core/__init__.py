"""The method: what to hide, what to predict, and which layers to freeze."""
