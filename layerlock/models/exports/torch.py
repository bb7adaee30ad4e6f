"""`torch.export`: a graph for PyTorch, in Python and in C++."""

from layerlock.models.exports import _programs
from layerlock.models.exports.base import Export


class TorchExport(Export):
    """A file that computes the features of chosen layers.

    Example:

    >>> print(TorchExport().usage("mine.pt2", None, ["block_8"]))
    import torch
    <BLANKLINE>
    program = torch.export.load("mine.pt2").module()
    block_8 = program(clips)["block_8"]
    """

    needs = ("torch",)
    extras = "torch"
    runtime = "PyTorch"
    suffix = ".pt2"
    is_program = True
    library = "pytorch"

    def write(self, networks, path, layers, dtype):
        from layerlock.backends.torch.portable import programs

        programs.save(_programs.trace(networks.encoder, layers, dtype), path)
        return _programs.notes(networks.encoder)

    def free_axes(self, encoder):
        return _programs.free_axes(encoder)

    def features(self, path, clips, layers):
        from layerlock.backends.torch.portable import programs

        return programs.run(path, clips)

    def usage(self, name, encoder, layers):
        reads = "\n".join(
            f'{layer} = program(clips)["{layer}"]' for layer in layers[:1]
        )
        return (
            "import torch\n\n"
            f'program = torch.export.load("{name}").module()\n{reads}'
        )
