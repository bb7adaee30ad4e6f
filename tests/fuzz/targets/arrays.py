"""Arrays and state: checkpoints, pictures and cached features."""

import io
import json
import pickle
import shutil
import zipfile

import keras
import numpy as np

from layerlock import disk
from layerlock.evaluation.features import Features
from layerlock.report import appendix
from layerlock.report.history import History
from layerlock.runs import checkpoints, contents
from tests.fuzz import hostile
from tests.fuzz.targets.target import Target
from tests.fuzz.targets.weights import Bomb, change_h5
from tests.runs import synthetic


def hostile_npz(arrays: dict, random) -> bytes:
    """An .npz with headers that lie, pickles, or damaged bytes."""
    arrays = dict(arrays)
    content = io.BytesIO()
    kind = random.randrange(6)
    if kind == 0:
        np.savez_compressed(content, **arrays)
        return hostile.damaged(content.getvalue(), random)
    name = random.choice(list(arrays))
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for key, array in arrays.items():
            data = io.BytesIO()
            np.save(data, array)
            data = data.getvalue()
            if key == name:
                data = hostile_npy(array, random)
            if key == name and kind == 1:
                continue
            file.writestr(f"{key}.npy", data)
        if kind == 2:
            file.writestr(f"../../{hostile.SECRET}.npy", b"a")
    return content.getvalue()


def hostile_npy(array, random) -> bytes:
    """An .npy with a header that lies, another array, or a pickle."""
    data = io.BytesIO()
    np.save(data, array)
    data = data.getvalue()
    kind = random.randrange(6)
    if kind == 0:
        return hostile.damaged(data, random)
    if kind == 1:
        return pickle.dumps(Bomb())
    if kind == 2:
        data = io.BytesIO()
        np.save(data, np.array([Bomb()], object), allow_pickle=True)
        return data.getvalue()
    if kind == 3:
        shape = random.choice(
            ((100_000, 100_000), (2**40,), (2**62, 4), (-1,), (0,), (2**70,))
        )
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        data = io.BytesIO()
        np.lib.format.write_array_header_1_0(data, header)
        return data.getvalue() + b"0" * random.choice((0, 100, 10_000_000))
    other = random.choice(
        (
            np.zeros((0, 3), "float32"),
            np.float32("nan"),
            np.array(["a", hostile.MARKUP]),
            np.zeros((1, 1, 1, 1, 3), "uint8"),
            np.zeros((2, 2, 2, 2, 3), "uint8"),
            np.full((2, 4, 4, 4, 24), np.nan, "float32"),
            np.zeros((2, 1, 1, 1, 1), "complex64"),
            np.zeros((2, 8, 32, 32, 3), "float64") + 1e300,
            np.array(2**63, "uint64"),
            np.zeros(3, [("a", "i4")]),
        )
    )
    data = io.BytesIO()
    np.save(data, other)
    return data.getvalue()


class Pictures(Target):
    """`reconstruction.npz` and `features.npz`, as the report shows them."""

    name = "pictures .npz"
    share = 0.5

    def __init__(self, folder):
        super().__init__(folder)
        self.run = synthetic.synthetic_run(folder / "run", [])
        synthetic.add_pictures(self.run)
        self.arrays = {}
        for path in self.run.pictures_path.iterdir():
            with np.load(path) as arrays:
                self.arrays[path.name] = dict(arrays)
        shutil.rmtree(self.run.pictures_path)
        self.run.pictures_path.mkdir()

    def draw(self, random):
        for path in self.run.pictures_path.iterdir():
            path.unlink()
        name = random.choice(list(self.arrays))
        (self.run.pictures_path / name).write_bytes(
            hostile_npz(self.arrays[name], random)
        )
        return lambda: appendix.picture_sections(self.run, History([]))


class Checkpoint(Target):
    """`manifest.json`, `state.json`, `arrays.npz`, `model.weights.h5`."""

    name = "checkpoint"

    def __init__(self, folder):
        super().__init__(folder)
        self.model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)]
        )
        self.model.compile(keras.optimizers.AdamW(1e-3), "mse")
        self.model.optimizer.build(self.model.trainable_variables)
        self.arrays = {"drift/0": np.zeros((3, 4), "float32")}
        self.valid = checkpoints.save(
            folder / "valid",
            self.model,
            10,
            {"frozen_layers": 1, "events": [[5, 1]]},
            arrays=self.arrays,
        )

    def draw(self, random):
        folder = self.folder / "checkpoints"
        shutil.rmtree(folder, ignore_errors=True)
        checkpoint = folder / self.valid.name
        shutil.copytree(self.valid, checkpoint)
        self._damage(checkpoint, random)

        def attack():
            newest, state, _ = checkpoints.read_newest(folder)
            contents.check_state(state, newest)
            checkpoints.read_arrays(newest)
            checkpoints.load_weights(newest, self.model)

        return attack

    def _damage(self, checkpoint, random):
        name = random.choice(
            ("manifest.json", "state.json", "arrays.npz", "model.weights.h5")
        )
        path, kind = checkpoint / name, random.randrange(4)
        if kind == 0:
            path.write_bytes(hostile.damaged(path.read_bytes(), random))
        elif name.endswith(".json"):
            tree = hostile.changed(json.loads(path.read_bytes()), random)
            path.write_bytes(hostile.encoded(tree, random))
        elif name == "arrays.npz":
            path.write_bytes(hostile_npz(self.arrays, random))
        else:
            import h5py

            with h5py.File(path, "r+") as file:
                change_h5(file, random)
        if name != "manifest.json" and random.random() < 0.8:
            digests = {
                part.name: disk.digest(part)
                for part in checkpoint.iterdir()
                if part.name != "manifest.json"
            }
            (checkpoint / "manifest.json").write_text(json.dumps(digests))


class CachedFeatures(Target):
    """The cache of frozen features: `facts.json` and `.npy` files."""

    name = "features cache"

    def draw(self, random):
        folder = self.folder / "cache"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, shape in (
            ("features", (4, 1, 2, 2, 2, 3)),
            ("targets", (4,)),
        ):
            np.save(folder / f"{name}.npy", np.zeros(shape, "float32"))
        facts = {"numbers": [0, 1, 2, 3], "problems": []}
        (folder / "facts.json").write_text(json.dumps(facts))
        if random.random() < 0.5:
            tree = hostile.changed(facts, random)
            content = hostile.encoded(tree, random)
            (folder / "facts.json").write_bytes(content)
        else:
            path = folder / random.choice(("features.npy", "targets.npy"))
            path.write_bytes(hostile_npy(np.load(path), random))

        def attack():
            features = Features(_extract, _Examples(), folder)
            for _ in features.batches():
                pass

        return attack


def _extract(clips):
    return np.zeros((len(clips), 2, 2, 2, 3), "float32")


class _Examples:
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.zeros((1, 2, 4, 4, 3), "uint8"), np.float32(0)

    def name(self, index):
        return str(index)

    def group(self, index):
        return index
