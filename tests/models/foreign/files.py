"""Writes small files of weights as other libraries do."""

import json

import numpy as np

_NAMES = {"float32": "F32", "float64": "F64", "float16": "F16"}


def bfloat16_bits(array):
    """The upper half of the bits of float32."""
    return (array.astype("float32").view("uint32") >> 16).astype("uint16")


def write_safetensors(path, arrays, bfloat16=False):
    """Writes arrays in the format of safetensors."""
    header, content = {"__metadata__": {"format": "pt"}}, b""
    for name, array in arrays.items():
        dtype = _NAMES[str(array.dtype)]
        data = array.tobytes()
        if bfloat16:
            dtype, data = "BF16", bfloat16_bits(array).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(array.shape),
            "data_offsets": [len(content), len(content) + len(data)],
        }
        content += data
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)


def write_folder(folder, arrays, config, **extra):
    """Writes a folder as transformers does; `extra` are other JSON files."""
    folder.mkdir()
    write_safetensors(folder / "model.safetensors", arrays)
    for name, content in {"config": config, **extra}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def write_pt(path, networks, **more):
    """Writes a dict of networks, `{section: {name: array}}`, with PyTorch."""
    import torch

    content = {
        section: {k: torch.from_numpy(v) for k, v in arrays.items()}
        for section, arrays in networks.items()
    }
    torch.save({**content, **more}, path)
    return path


def draw(generator, *shape, scale=None, start=0.0):
    """Random float32 of a scale that keeps features near 1."""
    scale = 0.5 / np.sqrt(shape[-1]) if scale is None else scale
    return (start + scale * generator.normal(size=shape)).astype("float32")
