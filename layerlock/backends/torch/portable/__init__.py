"""The encoder in plain PyTorch, for programs without Keras."""
