"""Time and memory of reading released weights of a billion parameters.

    KERAS_BACKEND=torch python benchmarks/import_time.py
    KERAS_BACKEND=jax python benchmarks/import_time.py --layers=4

Writes a folder of transformers with the shapes of V-JEPA 2's ViT-g and random
values, 4 GB on the disk, reads it in a new process, and removes it. The last
line is JSON: the size of the file, the bytes of the encoder, and of the reading
process the seconds, the seconds of its processor, and the peak memory before
and after. `copies` is the memory above the encoder's own weights, in sizes of
them.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from absl import flags

FLAGS = flags.FlagValues()
flags.DEFINE_integer("layers", 40, "Blocks.", flag_values=FLAGS)
flags.DEFINE_string(
    "folder", None, "Where the disk has room.", flag_values=FLAGS
)
CONFIG = {
    "model_type": "vjepa2",
    "patch_size": 16,
    "tubelet_size": 2,
    "crop_size": 256,
    "frames_per_clip": 64,
    "hidden_size": 1408,
    "num_attention_heads": 22,
    "mlp_ratio": 48 / 11,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-6,
}
MLP = 6144
READ = """
import json, math, resource, sys, time
from layerlock import VideoEncoder
VideoEncoder.from_preset("video_vit_nano")
peak = lambda: 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, started, busy = peak(), time.monotonic(), time.process_time()
encoder = VideoEncoder.from_pretrained(sys.argv[1])
seconds = time.monotonic() - started
weights = sum(4 * math.prod(v.shape) for v in encoder.variables)
busy = time.process_time() - busy
print(json.dumps({"seconds": seconds, "cpu_seconds": busy,
                  "encoder_bytes": weights, "before_bytes": before,
                  "peak_bytes": peak()}))
"""


def main(argv):
    """Writes, reads, and prints one JSON object."""
    FLAGS(argv)
    with tempfile.TemporaryDirectory(dir=FLAGS.folder) as folder:
        folder = pathlib.Path(folder)
        file = folder / "model.safetensors"
        config = {**CONFIG, "num_hidden_layers": FLAGS.layers}
        (folder / "config.json").write_text(json.dumps(config))
        write(file, shapes(FLAGS.layers, CONFIG["hidden_size"]))
        finished = subprocess.run(
            [sys.executable, "-c", READ, folder],
            check=True,
            capture_output=True,
            text=True,
        )
        found = json.loads(finished.stdout.splitlines()[-1])
        found["file_bytes"] = file.stat().st_size
    above = found["peak_bytes"] - found["before_bytes"] - found["encoder_bytes"]
    found["copies"] = above / found["encoder_bytes"]
    print(json.dumps({"name": "import_time", **found}))


def shapes(layers: int, width: int) -> dict:
    """The arrays of an encoder, by name."""
    found = {
        "encoder.embeddings.patch_embeddings.proj.weight": (
            width,
            3,
            2,
            16,
            16,
        ),
        "encoder.embeddings.patch_embeddings.proj.bias": (width,),
    }
    for index in range(layers):
        block = f"encoder.layer.{index}."
        for name, outputs, inputs in (
            ("attention.query", width, width),
            ("attention.key", width, width),
            ("attention.value", width, width),
            ("attention.proj", width, width),
            ("mlp.fc1", MLP, width),
            ("mlp.fc2", width, MLP),
        ):
            found[f"{block}{name}.weight"] = (outputs, inputs)
            found[f"{block}{name}.bias"] = (outputs,)
        for norm in ("norm1", "norm2"):
            for part in ("weight", "bias"):
                found[f"{block}{norm}.{part}"] = (width,)
    for part in ("weight", "bias"):
        found[f"encoder.layernorm.{part}"] = (width,)
    return found


def write(path: pathlib.Path, arrays: dict):
    """Writes random arrays as safetensors, one at a time."""
    header, end = {}, 0
    for name, shape in arrays.items():
        size = 4 * int(np.prod(shape))
        header[name] = {
            "dtype": "F32",
            "shape": list(shape),
            "data_offsets": [end, end + size],
        }
        end += size
    rng = np.random.default_rng(0)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for shape in arrays.values():
            values = rng.standard_normal(shape, dtype="float32")
            file.write((0.02 * values).tobytes())


if __name__ == "__main__":
    main(sys.argv)
