"""Released weights: folders of transformers, and files of NumPy and PyTorch."""

import io
import json
import shutil
import zipfile

import numpy as np

from layerlock.models import foreign
from tests.fuzz import hostile
from tests.fuzz.targets.target import Target
from tests.fuzz.targets.weights import Bomb
from tests.models.foreign import files, vjepa_files

CONFIG = {
    "model_type": "vjepa2",
    "num_attention_heads": 2,
    "crop_size": 8,
    "frames_per_clip": 4,
    "layer_norm_eps": 1e-6,
    "hidden_act": "gelu",
    "num_hidden_layers": 1,
    "hidden_size": 12,
}
PIXELS = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.3]}


def arrays():
    """A small encoder in the names of transformers."""
    generator = np.random.default_rng(0)
    start = "encoder.layer.0."
    patches = "encoder.embeddings.patch_embeddings.proj"
    return {
        f"{patches}.weight": files.draw(generator, 12, 3, 2, 4, 4),
        f"{patches}.bias": files.draw(generator, 12),
        **{
            name: value
            for part in ("query", "key", "value", "proj")
            for name, value in vjepa_files.linear(
                generator, f"{start}attention.{part}", 12, 12
            ).items()
        },
        **vjepa_files.linear(generator, f"{start}mlp.fc1", 16, 12),
        **vjepa_files.linear(generator, f"{start}mlp.fc2", 12, 16),
        **vjepa_files.layer_norm(generator, f"{start}norm1", 12),
        **vjepa_files.layer_norm(generator, f"{start}norm2", 12),
        **vjepa_files.layer_norm(generator, "encoder.layernorm", 12),
    }


class ReleasedFolder(Target):
    """A folder of transformers: safetensors and its JSON files."""

    name = "released folder"

    def __init__(self, folder):
        super().__init__(folder)
        self.valid = folder / "valid"
        files.write_folder(
            self.valid, arrays(), CONFIG, preprocessor_config=PIXELS
        )
        weights = self.valid / "model.safetensors"
        names = dict.fromkeys(arrays(), weights.name)
        index = self.valid / "model.safetensors.index.json"
        index.write_text(json.dumps({"weight_map": names}))

    def draw(self, random):
        path = self.folder / "model"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.valid, path)
        name = random.choice(sorted(p.name for p in path.iterdir()))
        content = (path / name).read_bytes()
        if name != "model.safetensors":
            tree = hostile.changed(json.loads(content), random)
            content = hostile.encoded(tree, random)
        elif random.random() < 0.5:
            content = hostile.damaged(content, random)
        else:
            content = other_header(content, random)
        (path / name).write_bytes(content)
        return lambda: foreign.read(path)


def other_header(content: bytes, random) -> bytes:
    """Safetensors with a hostile header of the right length."""
    length = int.from_bytes(content[:8], "little")
    header = hostile.changed(json.loads(content[8 : 8 + length]), random)
    text = hostile.encoded(header, random)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


class ReleasedArrays(Target):
    """A file `.npz` of released weights."""

    name = "released .npz"

    def __init__(self, folder):
        super().__init__(folder)
        stored = io.BytesIO()
        np.savez(stored, **vjepa_files.plain(vjepa_files.encoder(0, depth=1)))
        self.content = stored.getvalue()

    def draw(self, random):
        path = self.folder / "model.npz"
        if random.random() < 0.5:
            path.write_bytes(hostile.damaged(self.content, random))
        else:
            self.write_member(path, random)
        return lambda: foreign.read(path, num_heads=3)

    def write_member(self, path, random):
        """Replaces one array by something hostile."""
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        name = random.choice(sorted(parts))
        file = io.BytesIO()
        if random.random() < 0.3:
            objects = np.array([Bomb()], dtype=object)
            np.lib.format.write_array(file, objects, allow_pickle=True)
        else:
            shape = random.choice(((10**6, 10**6), (), (0,), (3, 3), (-1, 2)))
            dtype = random.choice(("<f4", "|V2", "<c8", "<U9", "|O", "<M8[s]"))
            header = {"descr": dtype, "fortran_order": True, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            file.write(bytes(random.choice((0, 36, 10_000_000))))
        parts[name] = file.getvalue()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in parts.items():
                archive.writestr(name, content)


class ReleasedTensors(Target):
    """A file `.pt` of released weights."""

    name = "released .pt"

    def __init__(self, folder):
        import torch

        super().__init__(folder)
        self.torch = torch
        encoder = vjepa_files.encoder(0, depth=1)
        files.write_pt(folder / "valid.pt", {"encoder": encoder}, epoch=1)
        self.content = (folder / "valid.pt").read_bytes()
        self.encoder = {k: torch.from_numpy(v) for k, v in encoder.items()}

    def draw(self, random):
        path = self.folder / "model.pt"
        if random.random() < 0.4:
            path.write_bytes(hostile.damaged(self.content, random))
        else:
            torch, encoder = self.torch, dict(self.encoder)
            encoder[random.choice(sorted(encoder))] = random.choice(
                (
                    Bomb(),
                    torch.ones(1).expand(10**6, 10**6),
                    torch.eye(3).to_sparse(),
                    torch.ones(3, dtype=torch.complex64),
                    torch.ones(0),
                    [1, "a", None],
                    hostile.text(random),
                )
            )
            content = {"encoder": encoder, hostile.text(random): encoder}
            torch.save(
                content,
                path,
                _use_new_zipfile_serialization=random.random() < 0.5,
            )
        return lambda: foreign.read(path, num_heads=3)
