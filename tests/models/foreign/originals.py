"""Models of transformers, whose folders are imported."""

import os

import numpy as np
import pytest


def save(folder, name, config, **sizes):
    """Saves a model with random weights in a folder; returns the model.

    Args:
        folder: path.
        name: str, a class of transformers.
        config: str, the class of its configuration.
        sizes: arguments of the configuration.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    arguments = getattr(transformers, config)(**sizes)
    model = getattr(transformers, name)(arguments).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    model.save_pretrained(folder)
    return model


def pixels(clips):
    """The input of a model: standardised, channels before rows."""
    import torch

    x = clips / 255 - np.array([0.485, 0.456, 0.406])
    x = x / np.array([0.229, 0.224, 0.225])
    return torch.tensor(x.transpose(0, 1, 4, 2, 3), dtype=torch.float32)
