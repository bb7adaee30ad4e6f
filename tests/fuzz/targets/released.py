"""Released weights: safetensors, npz and PyTorch's files, and folders."""

import importlib.util
import io
import json
import pickle
import shutil
import zipfile

from layerlock.models import foreign
from tests.fuzz import hostile
from tests.fuzz.targets.arrays import hostile_npz
from tests.fuzz.targets.target import Target
from tests.fuzz.targets.weights import Bomb
from tests.models import networks
from tests.models.foreign import (
    files,
    scaling4d_files,
    videomae_files,
    vjepa_files,
)

HUGE = ([2**40], [100_000, 100_000], [2**62, 4], [0, 5], [-1, 4], [])


class Safetensors(Target):
    """A `.safetensors` file: its length, its header and its arrays."""

    name = "safetensors"

    def __init__(self, folder):
        super().__init__(folder)
        self.path = folder / "vit.safetensors"
        files.write_safetensors(self.path, videomae_files.encoder(depth=1))
        content = self.path.read_bytes()
        end = 8 + int.from_bytes(content[:8], "little")
        self.header, self.rest = json.loads(content[8:end]), content[end:]
        self.read()

    def draw(self, random):
        header, rest = dict(self.header), self.rest
        kind = random.randrange(6)
        if kind < 2:
            header = hostile.changed(header, random)
        else:
            name, other = random.sample([n for n in header if "." in n], 2)
            entry = dict(header[name])
            if kind == 2:
                entry["data_offsets"] = header[other]["data_offsets"]
            elif kind == 3:
                entry["shape"] = random.choice(HUGE)
            elif kind == 4:
                entry["dtype"] = random.choice(("F8_E4M3", "C64", "O", "BF16"))
            else:
                del header[name]
                name = hostile.text(random)
            header[name] = entry
        text = json.dumps(header).encode("utf-8", "surrogatepass")
        if random.random() < 0.2:
            text = hostile.encoded(header, random)
        length = len(text)
        if random.random() < 0.2:
            length = random.choice((0, 1, length + 8, 2**31, 2**63, 2**64 - 1))
        content = length.to_bytes(8, "little") + text + rest
        if random.random() < 0.3:
            content = hostile.damaged(content, random)
        self.path.write_bytes(content)
        return self.read

    def read(self):
        foreign.read(self.path, num_heads=videomae_files.HEADS)


class Folder(Target):
    """A folder of transformers: its three JSON files, and its shards."""

    name = "transformers folder"

    def __init__(self, folder):
        super().__init__(folder)
        arrays = videomae_files.of_transformers(videomae_files.encoder(depth=1))
        self.names = list(arrays)
        self.valid = folder / "valid"
        files.write_folder(
            self.valid,
            arrays,
            {**videomae_files.CONFIG, "num_hidden_layers": 1},
            preprocessor_config={"image_mean": [0.5] * 3, "image_std": [1] * 3},
        )
        self.path = folder / "released"

    def draw(self, random):
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.valid, self.path)
        name = random.choice(("config", "preprocessor_config", "index"))
        if name == "index":
            self._index(random)
        else:
            path = self.path / f"{name}.json"
            tree = hostile.changed(json.loads(path.read_bytes()), random)
            path.write_bytes(hostile.encoded(tree, random))
        return lambda: foreign.read(self.path)

    def _index(self, random):
        shard = "model-00001-of-00001.safetensors"
        (self.path / "model.safetensors").rename(self.path / shard)
        places = dict.fromkeys(self.names, shard)
        for name in random.sample(self.names, 2):
            places[name] = random.choice(
                (
                    f"../../{hostile.SECRET}",
                    f"/tmp/{hostile.SECRET}.safetensors",
                    f"../{shard}",
                    f"./{shard}",
                    "..",
                    shard.upper(),
                    hostile.value(random),
                )
            )
        tree = {"metadata": {}, "weight_map": places}
        if random.random() < 0.3:
            tree = hostile.changed(tree, random)
        (self.path / "model.safetensors.index.json").write_bytes(
            hostile.encoded(tree, random)
        )


class Npz(Target):
    """An `.npz` file: headers that lie, pickles and damaged bytes."""

    name = "released npz"

    def __init__(self, folder):
        super().__init__(folder)
        self.arrays = {
            name: value
            for name, value in scaling4d_files.encoder().items()
            if "/layers_" not in name or "/layers_0/" in name
        }

    def draw(self, random):
        path = self.folder / "scaling4d.npz"
        path.write_bytes(hostile_npz(self.arrays, random))
        return lambda: foreign.read(path)


class PyTorch(Target):
    """A `.pth` file: its zip, its pickle and tensors that lie."""

    name = "pth"

    def __init__(self, folder):
        super().__init__(folder)
        self.path = folder / "vit.pth"
        self.parts = {"archive/data.pkl": b""}  # if PyTorch is not installed
        if importlib.util.find_spec("torch"):
            arrays = videomae_files.encoder(depth=1)
            files.write_pt(self.path, {"model": arrays}, epoch=1)
            with zipfile.ZipFile(self.path) as file:
                self.parts = {n: file.read(n) for n in file.namelist()}
            self.read()

    def draw(self, random):
        kind = random.randrange(5)
        if kind == 0:
            content = random.choice((pickle.dumps(Bomb()), b"", b"PK\3\4"))
            self.path.write_bytes(content)
        elif kind == 1 and importlib.util.find_spec("torch"):
            save_lies(self.path, random)
        else:
            parts = dict(self.parts)
            name = random.choice(list(parts))
            if kind == 2:
                name = next(n for n in parts if n.endswith("data.pkl"))
            parts[name] = hostile.damaged(parts[name], random)
            if kind == 3:
                bomb = next(n for n in parts if n.endswith("data.pkl"))
                parts[bomb] = pickle.dumps(
                    {"model": Bomb()}, random.choice((0, 2))
                )
            self.path.write_bytes(zipped(parts))
        if random.random() < 0.2:
            content = hostile.damaged(self.path.read_bytes(), random)
            self.path.write_bytes(content)
        return self.read

    def read(self):
        foreign.read(self.path, num_heads=videomae_files.HEADS)


class Probe(PyTorch):
    """A file with an attentive probe alone: lists of dicts."""

    name = "probe pt"

    def __init__(self, folder):
        Target.__init__(self, folder)
        self.path = folder / "probe.pt"
        self.encoder = networks.small_encoder(hidden_dim=24, final_norm=True)
        self.parts = {"archive/data.pkl": b""}  # if PyTorch is not installed
        if importlib.util.find_spec("torch"):
            import torch

            arrays = vjepa_files.probe(0, width=24, mlp=32, depth=1)
            tensors = {k: torch.from_numpy(v) for k, v in arrays.items()}
            content = {"classifiers": [tensors], "opt": [{"state": {}}]}
            torch.save(content, self.path)
            with zipfile.ZipFile(self.path) as file:
                self.parts = {n: file.read(n) for n in file.namelist()}
            self.read()

    def read(self):
        foreign.read_readout(self.path, self.encoder, 2)


def zipped(parts) -> bytes:
    """A zip without compression, as PyTorch writes it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return content.getvalue()


def save_lies(path, random):
    """Stores what is no dense tensor of numbers, or far larger than it is."""
    import torch

    content = {
        name: torch.from_numpy(value)
        for name, value in videomae_files.encoder(depth=1).items()
    }
    circle = {}
    circle["again"] = circle
    name = random.choice(list(content))
    content[name] = random.choice(
        (
            torch.zeros(1).expand(100_000, 100_000),
            torch.zeros(3, 3).to_sparse(),
            torch.zeros(3, dtype=torch.complex64),
            torch.zeros(3, dtype=torch.bool),
            torch.zeros(()),
            torch.full((48,), torch.nan),
            torch.nn.Parameter(torch.zeros(48)),
            circle,
            Bomb(),
            None,
        )
    )
    content[random.choice((7, None, ("a", 1), hostile.MARKUP))] = content[name]
    torch.save(
        {"model": content},
        path,
        _use_new_zipfile_serialization=random.random() < 0.5,
    )
