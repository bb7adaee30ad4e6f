"""The layers of an encoder by number and by name, and their features."""

from keras import ops


class LayerFeatures:
    """Mixin of `VideoEncoder`: names its layers and computes their outputs.

    It uses the layers that the constructor of the encoder creates.
    """

    @property
    def embedding(self) -> tuple:
        """The embedding layers: patch embedding and additive positions."""
        if self.additive_positions is None:
            return (self.patch_embedding,)
        return (self.patch_embedding, self.additive_positions)

    @property
    def freezable_layers(self) -> list:
        """One tuple of layers per block; the first includes the embedding."""
        return [
            (*self.embedding, block) if index == 0 else (block,)
            for index, block in enumerate(self.blocks)
        ]

    @property
    def all_layers(self) -> list:
        """The layers that have weights, and sin-cos positions."""
        norm = [] if self.output_norm is None else [self.output_norm]
        return [*self.embedding, *self.blocks, *norm]

    @property
    def layer_names(self) -> list:
        """Names of the features, from the input to the output.

        Number `k` is the name of block `k`. With `final_norm`, there is one
        more at the end.
        """
        norm = ["final_norm"] if self.final_norm else []
        return ["embedding", *(block.name for block in self.blocks), *norm]

    def features(self, clips, layers=None, training=False) -> dict:
        """Computes the features of each layer for full clips.

        Args:
            clips: 8-bit pixels, or floats from 0 to 255. Shape
                `(batch, frames, height, width, 3)`; any size that the patches
                divide.
            layers: list of names, see `layer_names`. Defaults to all. Blocks
                above the last of them do not run.
            training: bool, as for any layer; it has no effect here.

        Returns:
            dict from name to features of shape
            `(batch, frames, rows, columns, hidden_dim)`, counted in patches.
        """
        names = self.layer_names
        layers = names if layers is None else list(layers)
        unknown = [name for name in layers if name not in names]
        if unknown:
            raise ValueError(
                f"Unknown layers {unknown}. Expected some of {names}."
            )
        grid = self.grid(clips.shape[1:4])
        positions = self.token_positions(grid)[None]
        tokens = self.embed(self.patchify(clips), positions, grid)
        rotation = self.rotation(positions, grid)
        features = {}
        for depth in range(max(map(names.index, layers), default=-1) + 1):
            if depth > self.num_layers:
                tokens = self.output_norm(tokens)
            elif depth > 0:
                tokens = self.blocks[depth - 1](tokens, rotation)
            if names[depth] in layers:
                features[names[depth]] = ops.reshape(
                    tokens, (-1, *grid, self.hidden_dim)
                )
        return {name: features[name] for name in layers}
