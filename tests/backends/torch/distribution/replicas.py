"""One of two processes that train a model together while a layer freezes.

Run with the rank, a file for the rendezvous and the number of batches that are
accumulated: `python replicas.py 0 FILE 1`. Prints the mean loss, a digest of
the weights, and by how much they moved.
"""

import hashlib
import sys

import keras
import numpy as np
import torch

import layerlock


def main(rank: int, rendezvous: str, accumulation: int):
    """Trains six steps on clips that differ from process to process."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2
    )
    keras.utils.set_random_seed(0)
    encoder = layerlock.VideoEncoder(
        num_layers=3,
        num_heads=2,
        hidden_dim=24,
        mlp_dim=48,
        patch_size=(2, 8, 8),
        clip_shape=(4, 16, 16),
        num_decoder_layers=1,
    )
    model = layerlock.MaskedPretraining(
        encoder, mask=layerlock.RandomMask(0.5), seed=0
    )
    several = accumulation if accumulation > 1 else None
    model.compile(
        # Without decay: weights move by their gradients alone.
        keras.optimizers.Adam(1e-2, gradient_accumulation_steps=several)
    )
    before = flat(encoder)
    rng = np.random.default_rng(rank)
    shape = (12 * accumulation, 4, 16, 16, 3)
    clips = rng.integers(0, 256, shape, dtype="uint8")
    lock = layerlock.LayerLock(layerlock.PiecewiseFreezeSchedule([(3, 1)]))
    history = model.fit(
        clips, batch_size=2, verbose=0, callbacks=[lock], shuffle=False
    )
    assert lock.events == [(3, 1)], lock.events
    weights = flat(encoder)
    digest = hashlib.sha256(weights.tobytes()).hexdigest()
    moved = np.abs(weights - before).max()
    print(*history.history["loss"], digest, moved)
    torch.distributed.destroy_process_group()


def flat(encoder):
    """All weights as one vector."""
    return np.concatenate(
        [np.ravel(keras.ops.convert_to_numpy(w)) for w in encoder.weights]
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
