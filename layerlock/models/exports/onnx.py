"""ONNX: a graph for onnxruntime and other runtimes."""

from layerlock.models.exports import _programs
from layerlock.models.exports.base import Export


class OnnxExport(Export):
    """A file that computes the features of chosen layers.

    The input is `clips`; outputs have the names of the layers. Weights above
    1.9 GB are in a second file, `NAME.onnx.data`.

    Example:

    >>> OnnxExport().usage("mine.onnx", None, ["block_8"]).splitlines()[-1]
    '[block_8] = session.run(["block_8"], {"clips": clips})'
    """

    needs = ("torch", "onnx", "onnxscript", "onnxruntime")
    extras = "torch,export"
    runtime = "onnxruntime"
    suffix = ".onnx"
    is_program = True
    library = "onnx"

    def write(self, networks, path, layers, dtype):
        from layerlock.backends.torch.portable import programs

        traced = _programs.trace(networks.encoder, layers, dtype)
        programs.save_onnx(traced, path, layers)
        return _programs.notes(networks.encoder)

    def free_axes(self, encoder):
        return _programs.free_axes(encoder)

    def features(self, path, clips, layers):
        import onnxruntime

        session = onnxruntime.InferenceSession(
            path, providers=["CPUExecutionProvider"]
        )
        outputs = session.run(layers, {"clips": clips})
        return dict(zip(layers, outputs, strict=True))

    def usage(self, name, encoder, layers):
        outputs = ", ".join(f'"{layer}"' for layer in layers)
        return (
            "import onnxruntime\n\n"
            f'session = onnxruntime.InferenceSession("{name}")\n'
            f"[{', '.join(layers)}] = session.run([{outputs}], "
            '{"clips": clips})'
        )
