"""Features with something planted in them, in place of an encoder's."""

import numpy as np

from layerlock.data.streams import DecodingError
from layerlock.evaluation.task import Examples, Task

GRID, DIM = (2, 2, 2), 12
COLOURS = ((0, 0), (0, 200), (200, 0), (200, 200))


class Planted(Examples):
    """Views whose pixels give the class, or the depth of each block, away."""

    def __init__(self, count, seed, dense, views=1):
        rng = np.random.default_rng(seed)
        self.classes = rng.integers(0, 4, count)
        # The same at all places: toy features do not know theirs.
        depths = rng.uniform(1, 5, (count, GRID[0], 1, 1)).astype("float32")
        self.depths = np.broadcast_to(depths, (count, *GRID))
        self.dense = dense
        self.views = views

    def __len__(self):
        return len(self.classes)

    def __getitem__(self, index):
        kind, depth = int(self.classes[index]), self.depths[index]
        shown = np.zeros((self.views, *GRID, 3), "uint8")
        rng = np.random.default_rng(index)
        if self.dense:
            shown[..., 0] = depth * 40
        else:
            shown[..., :2] = COLOURS[kind]
        shown[..., 2] = rng.integers(0, 80, shown.shape[:-1])
        return shown, depth if self.dense else np.asarray(kind)


class Brittle(Planted):
    """Of every three examples, one cannot be read."""

    def __getitem__(self, index):
        if index % 3 == 0:
            raise DecodingError("it is broken")
        return super().__getitem__(index)


class PlantedTask(Task):
    frames, size = 2, 2

    def __init__(self, dense=False, views=1):
        self.dense, self.views = dense, views
        self.class_names = None if dense else list("abcd")

    def examples(self, split):
        seed = ("train", "validation", "test").index(split)
        return Planted((120, 40, 60)[seed], seed, self.dense, self.views)

    def get_config(self):
        return {"dense": self.dense, "views": self.views}


def extract(clips):
    """Each pixel is a token; its values are mixed into `DIM` features."""
    mix = np.random.default_rng(9).normal(size=(3, DIM))
    return (clips / 127.5 - 1).astype("float32") @ mix.astype("float32")


class Encoder:
    """Stands in for an encoder without a network."""

    num_layers, layer_names = 1, ("embedding", "block_1")
    hidden_dim = DIM
    calls = 0

    def features(self, clips, layers):
        type(self).calls += 1
        return {layers[0]: extract(np.asarray(clips))}

    def get_config(self):
        return {}

    variables = ()
