"""The patch-wise decoder: the encoder's last blocks and a linear map."""

import keras
from keras import ops

from layerlock import backends
from layerlock.models.checks import check_counts
from layerlock.models.heads import TargetHeads, check_width


@keras.saving.register_keras_serializable("layerlock")
class PatchwiseDecoder(TargetHeads, keras.layers.Layer):
    """Predicts hidden patches with the last blocks of the encoder.

    One mask token per hidden patch, a learned vector with the position of that
    patch, is appended to the visible tokens before the last
    `num_decoder_layers` blocks. A linear map then predicts the target from the
    mask tokens: pixels, or the output of an encoder block.

    Reference: [Scaling 4D representations, Carreira et al., 2024](
    https://arxiv.org/abs/2412.15212).

    Args:
        hidden_dim: int, features of a token of the encoder.
        patch_dim: int, values in a patch.
        num_decoder_layers: int, last encoder blocks, which also process the
            mask tokens. Defaults to `4`.
        num_latent_heads: int, linear maps to the outputs of blocks. A single
            map predicts every block; with more, map `k` predicts block `k`
            only. Defaults to `1`.

    Call arguments:
        visible_tokens: Output of the encoder's first `encoder_layers`
            blocks. Shape `(batch, visible, hidden_dim)`.
        visible_positions: int32, shape `(batch, visible, 3)`.
        hidden_positions: int32, of the patches to predict. Shape
            `(batch, hidden, 3)`.
        encoder: A `VideoEncoder`.
        target_layers: tuple of ints, the targets: 0 for pixels, k for the
            output of block k.
        grid: tuple of 3 ints, the grid of the positions, used by additive
            positions and by those with a `position_grid`. Defaults to the
            encoder's own.
        mask_kind: int, ignored: all kinds of masks share one mask token.

    Output shape:
        One tensor per target layer, float32 or better, of shape
        `(batch, hidden, patch_dim)` for pixels and
        `(batch, hidden, hidden_dim)` for blocks.

    Example:

    >>> import layerlock
    >>> encoder = layerlock.VideoEncoder.from_preset("video_vit_nano")
    >>> decoder = PatchwiseDecoder.for_encoder(encoder)
    >>> decoder.hidden_dim, decoder.num_decoder_layers
    (96, 2)
    >>> model = layerlock.MaskedPretraining(encoder, predictor=decoder)
    """

    def __init__(
        self,
        hidden_dim,
        patch_dim,
        num_decoder_layers=4,
        num_latent_heads=1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_counts(
            hidden_dim=hidden_dim,
            patch_dim=patch_dim,
            num_decoder_layers=num_decoder_layers,
            num_latent_heads=num_latent_heads,
        )
        self.hidden_dim = hidden_dim
        self.patch_dim = patch_dim
        self.num_decoder_layers = num_decoder_layers
        self.add_heads(patch_dim, hidden_dim, num_latent_heads)
        self.build(None)

    @classmethod
    def for_encoder(cls, encoder, num_latent_heads=1):
        """Builds the decoder of an encoder's last `num_decoder_layers` blocks.

        Args:
            encoder: a `VideoEncoder`.
            num_latent_heads: int. Defaults to `1`.
        """
        return cls(
            encoder.hidden_dim,
            encoder.patch_dim,
            encoder.num_decoder_layers,
            num_latent_heads,
            dtype=encoder.dtype_policy,
            name="predictor",
        )

    def build(self, input_shape):
        """Creates all variables; no shape depends on the input."""
        if self.built:
            return
        self.latent = self.add_weight(
            name="latent",
            shape=(self.hidden_dim,),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
        )
        for head in self.heads:
            head.build((None, None, self.hidden_dim))

    def call(
        self,
        visible_tokens,
        visible_positions,
        hidden_positions,
        encoder,
        target_layers,
        grid=None,
        mask_kind=0,
    ):
        first_layer = self.encoder_layers(encoder)
        batch = backends.shape(visible_tokens)[0]
        hidden = hidden_positions.shape[1]
        latents = encoder.add_positions(
            ops.broadcast_to(
                backends.whole(self.latent), (batch, hidden, self.hidden_dim)
            ),
            hidden_positions,
            grid,
        )
        latents = backends.call_layer(
            encoder,
            ops.concatenate([visible_tokens, latents], axis=1),
            ops.concatenate([visible_positions, hidden_positions], axis=1),
            first_layer=first_layer,
            grid=grid,
            queries=hidden,
        )
        return self.apply_heads(latents, target_layers, hidden)

    def encoder_layers(self, encoder) -> int:
        """Returns the number of blocks that process visible tokens only.

        Only these blocks may freeze: a frozen decoder block would stop the
        gradient of the mask tokens.
        """
        check_width(self, encoder)
        if self.num_decoder_layers >= encoder.num_layers:
            raise ValueError(
                "The decoder uses the encoder's last blocks and must leave at "
                "least one block. Received: num_decoder_layers="
                f"{self.num_decoder_layers}, encoder.num_layers="
                f"{encoder.num_layers}. Use fewer decoder layers or a deeper "
                "encoder."
            )
        return encoder.num_layers - self.num_decoder_layers

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "patch_dim": self.patch_dim,
            "num_decoder_layers": self.num_decoder_layers,
            "num_latent_heads": self.num_latent_heads,
        }
