"""Exported encoders and `.keras` files."""

import io
import json
import os
import pickle
import shutil
import zipfile

import h5py
import numpy as np

from layerlock.evaluation import encoders
from layerlock.models import VideoEncoder
from tests.fuzz import hostile
from tests.fuzz.targets.target import Target
from tests.models import networks

HUGE = (100_000, 100_000)


class Bomb:
    """Unpickled, it runs a command."""

    def __reduce__(self):
        return os.system, ("touch fuzz_canary",)


class EncoderTarget(Target):
    def __init__(self, folder):
        super().__init__(folder)
        self.valid = folder / "valid"
        encoder = networks.small_encoder(positions="learned")
        encoder.save_to_preset(self.valid)
        encoder.save(folder / "valid.keras")
        self.path = folder / "encoder"

    def fresh(self):
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.valid, self.path)
        return self.path


class EncoderConfig(EncoderTarget):
    """`config.json` of an exported encoder."""

    name = "encoder config.json"

    def draw(self, random):
        path = self.fresh() / "config.json"
        config = hostile.changed(json.loads(path.read_bytes()), random)
        path.write_bytes(hostile.encoded(config, random))

        def attack():
            encoders.read_sizes(self.path)
            VideoEncoder.from_preset(self.path)

        return attack


class EncoderWeights(EncoderTarget):
    """`encoder.weights.h5`: bytes, shapes, types and links."""

    name = "encoder.weights.h5"

    def draw(self, random):
        path = self.fresh() / "encoder.weights.h5"
        if random.random() < 0.4:
            path.write_bytes(hostile.damaged(path.read_bytes(), random))
        else:
            with h5py.File(path, "r+") as file:
                for _ in range(random.randint(1, 3)):
                    change_h5(file, random)

        return lambda: VideoEncoder.from_preset(self.path)


def change_h5(file, random):
    """Replaces one entry of an HDF5 file by something hostile."""
    names = []
    file.visit(names.append)
    name = random.choice(names)
    if name not in file:
        return
    if random.random() < 0.1:
        kind = random.choice(("bfloat16", "?", 7))
        file[name].attrs["dtype"] = kind
        return
    parent, key = file[name].parent, name.rpartition("/")[2]
    del parent[key]
    random.choice(CHANGES)(parent, key)


def huge(parent, key, compression=None):
    chunks = (1000, 1000)
    parent.create_dataset(
        key, HUGE, "float32", chunks=chunks, compression=compression
    )


def large(parent, key):
    """Not too large for Keras to read."""
    parent.create_dataset(key, (15_000, 15_000), "float32", chunks=True)


def linked(parent, key, to):
    parent[key] = to


def external(parent, key):
    place = [("../" + hostile.SECRET, 0, 16)]
    parent.create_dataset(key, (4,), "float32", external=place)


def virtual(parent, key):
    layout = h5py.VirtualLayout((4,), "float32")
    layout[:] = h5py.VirtualSource("../" + hostile.SECRET, "a", (4,))
    parent.create_virtual_dataset(key, layout)


def of_type(parent, key, dtype):
    parent.create_dataset(key, (3, 3), dtype)


CHANGES = (
    lambda parent, key: None,
    huge,
    lambda parent, key: huge(parent, key, "gzip"),
    large,
    external,
    virtual,
    lambda p, k: linked(p, k, h5py.ExternalLink("../" + hostile.SECRET, "/a")),
    lambda p, k: linked(p, k, h5py.SoftLink("/")),
    lambda p, k: linked(p, k, h5py.SoftLink("/nowhere")),
    lambda p, k: linked(p, k, h5py.SoftLink(f"{p.name}/{k}")),
    lambda p, k: linked(p, k, np.array([pickle.dumps(Bomb())], "S200")),
    lambda p, k: p.create_dataset(k, data=["a"], dtype=h5py.string_dtype()),
    lambda p, k: p.create_group(k),
    lambda p, k: of_type(p, k, "complex64"),
    lambda p, k: of_type(p, k, "int8"),
    lambda p, k: of_type(p, k, [("a", "i4")]),
    lambda p, k: p.create_dataset(k, data=h5py.Empty("float32")),
)


class KerasFile(EncoderTarget):
    """A `.keras` file: its zip, its configuration and its weights."""

    name = ".keras"

    def __init__(self, folder):
        super().__init__(folder)
        with zipfile.ZipFile(folder / "valid.keras") as file:
            self.parts = {name: file.read(name) for name in file.namelist()}
        self.bytes = (folder / "valid.keras").read_bytes()
        self.config = json.loads(self.parts["config.json"])

    def draw(self, random):
        path = self.folder / "encoder.keras"
        parts, kind = dict(self.parts), random.randrange(6)
        if kind == 0:
            path.write_bytes(hostile.damaged(self.bytes, random))
            return lambda: VideoEncoder.from_preset(path)
        if kind == 1:
            weights = io.BytesIO(parts["model.weights.h5"])
            with h5py.File(weights, "r+") as file:
                change_h5(file, random)
            parts["model.weights.h5"] = weights.getvalue()
        elif kind == 2:
            name = random.choice(
                (
                    "../../" + hostile.SECRET,
                    "/tmp/" + hostile.SECRET,
                    "assets/a",
                )
            )
            parts[name] = b"a"
            parts["config.json"] = json.dumps(
                hostile.changed(self.config, random)
            ).encode()
        elif kind == 3:
            name = random.choice(list(parts))
            parts[name] = random.choice((b"", b"0" * 50_000_000))
        else:
            config = hostile.changed(self.config, random)
            if random.random() < 0.7 and isinstance(config, dict):
                config = random.choice((gadget, nested))(random, config)
            parts["config.json"] = hostile.encoded(config, random)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in parts.items():
                file.writestr(name, content)
        return lambda: VideoEncoder.from_preset(path)


def gadget(random, config=None) -> dict:
    """The configuration of an object that would run something."""
    return random.choice(
        (
            {
                "module": "keras.layers",
                "class_name": "Lambda",
                "config": {
                    "function": {
                        "class_name": "__lambda__",
                        "config": {"code": "4wEAAAAA", "defaults": None},
                    }
                },
                "registered_name": None,
            },
            {
                "module": "os",
                "class_name": "function",
                "config": "system",
                "registered_name": "system",
            },
            {
                "module": "builtins",
                "class_name": "function",
                "config": "eval",
                "registered_name": "function",
            },
            {
                "module": "keras.utils",
                "class_name": "get_file",
                "config": {"origin": "file:///etc/passwd", "fname": "a"},
                "registered_name": "get_file",
            },
            {
                "module": "keras.layers",
                "class_name": "TFSMLayer",
                "config": {"filepath": "/tmp/" + hostile.SECRET},
                "registered_name": None,
            },
            {
                "module": "subprocess",
                "class_name": "Popen",
                "config": {"args": ["touch", "fuzz_canary"]},
                "registered_name": None,
            },
            {
                "module": "keras",
                "class_name": "Sequential",
                "config": {
                    "layers": [
                        {
                            "module": "keras.layers",
                            "class_name": "Dense",
                            "config": {"units": 10**9},
                            "build_config": {"input_shape": [None, 10**9]},
                            "registered_name": None,
                        }
                    ],
                    "build_input_shape": [None, 10**6],
                },
                "registered_name": None,
            },
        )
    )


def nested(random, config) -> dict:
    """The configuration with a gadget somewhere inside."""
    places = [path for path in hostile.places(config) if path]
    path = random.choice(places)
    parent = config
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = gadget(random)
    return config
