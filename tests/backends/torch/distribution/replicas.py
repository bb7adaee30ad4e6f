"""One of two processes that train a model together while a layer freezes.

Run with the rank and a file for the rendezvous: `python replicas.py 0 FILE`.
Prints a digest of the weights.
"""

import hashlib
import sys

import keras
import numpy as np
import torch

import layerlock


def main(rank: int, rendezvous: str):
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
    model.compile(optimizer=keras.optimizers.AdamW(1e-2))
    rng = np.random.default_rng(rank)
    clips = rng.integers(0, 256, (12, 4, 16, 16, 3), dtype="uint8")
    lock = layerlock.LayerLock(layerlock.PiecewiseFreezeSchedule([(3, 1)]))
    model.fit(clips, batch_size=2, verbose=0, callbacks=[lock], shuffle=False)
    assert lock.events == [(3, 1)], lock.events
    weights = np.concatenate(
        [np.ravel(keras.ops.convert_to_numpy(w)) for w in encoder.weights]
    )
    print(hashlib.sha256(weights.tobytes()).hexdigest())
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
