"""Loads a folder of transformers, as its users do."""

import contextlib

import numpy as np
import torch


def hidden_states(folder, pixels: np.ndarray) -> list:
    """Returns what a model computes: embedding, blocks and the last output.

    Args:
        folder: that `AutoModel` loads; its own code is run.
        pixels: standardised, float32 of shape
            `(batch, frames, 3, height, width)`.

    Returns:
        list of arrays `(batch, tokens, hidden_dim)`: hidden states, and last
        the output of the model.
    """
    from transformers import AutoModel

    with _without_progress():
        model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    with torch.no_grad():
        outputs = model(
            torch.from_numpy(pixels),
            output_hidden_states=True,
            skip_predictor=True,  # of V-JEPA 2
        )
    states = [*outputs.hidden_states, outputs.last_hidden_state]
    return [state.numpy() for state in states]


@contextlib.contextmanager
def _without_progress():
    from transformers.utils import logging

    was_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_shown:
            logging.enable_progress_bar()
