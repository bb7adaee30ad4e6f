"""The projector: one embedding for the visible tokens of a clip."""

import keras
from keras import ops

from layerlock.models import numerics
from layerlock.models.checks import check_counts
from layerlock.models.heads import TargetHeads, check_width
from layerlock.models.presets import projector_sizes
from layerlock.models.weights import Linear, add_norm, current_values


@keras.saving.register_keras_serializable("layerlock")
class Projector(TargetHeads, keras.layers.Layer):
    """Maps the mean of the visible tokens to an embedding.

    Tokens are normalised and averaged. Two linear maps follow, with a norm and
    a GELU between them. It has no heads: what it embeds is a view of the clip,
    and other views are its target.

    Reference: [LeJEPA, Balestriero and LeCun, 2025](
    https://arxiv.org/abs/2511.08544). They embed a class token, and normalise
    hidden features over the batch. Here there is no class token, and features
    are normalised for each clip, so that an embedding does not depend on the
    rest of the batch.

    Args:
        hidden_dim: int, features of a token of the encoder.
        mlp_dim: int, hidden features. Defaults to `2048`.
        embedding_dim: int, features of the embedding. Defaults to `256`.
        epsilon: float, added to variances. Defaults to `1e-6`.

    Call arguments:
        visible_tokens: Output of the encoder for the visible patches. Shape
            `(batch, visible, hidden_dim)`.
        visible_positions, hidden_positions: ignored.
        encoder: A `VideoEncoder`; its blocks are not run.
        target_layers: an empty tuple.
        grid, mask_kind: ignored.

    Output shape:
        A tuple with one tensor, float32 or better, of shape
        `(batch, 1, embedding_dim)`.

    Example:

    >>> import layerlock
    >>> encoder = layerlock.VideoEncoder.from_preset(
    ...     "video_vit_nano", num_decoder_layers=0)
    >>> projector = Projector.for_encoder(encoder)
    >>> projector.mlp_dim, projector.embedding_dim
    (256, 32)
    >>> model = layerlock.MaskedPretraining(
    ...     encoder, "lejepa", predictor=projector)
    """

    num_latent_heads = 0
    heads = latent_heads = ()

    def __init__(
        self,
        hidden_dim,
        mlp_dim=2048,
        embedding_dim=256,
        epsilon=1e-6,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_counts(
            hidden_dim=hidden_dim, mlp_dim=mlp_dim, embedding_dim=embedding_dim
        )
        self.hidden_dim = hidden_dim
        self.mlp_dim = mlp_dim
        self.embedding_dim = embedding_dim
        self.mlp_sizes = (hidden_dim, mlp_dim, embedding_dim)
        self.epsilon = epsilon
        self.expand = Linear(mlp_dim, dtype=self.dtype_policy, name="expand")
        self.output_map = Linear(
            embedding_dim, dtype=self.dtype_policy, name="output_map"
        )
        self.build(None)

    @classmethod
    def for_encoder(cls, encoder):
        """Builds the projector for an encoder.

        LeVJEPA's sizes for encoders of width 768 and above, narrower ones in
        proportion.

        Args:
            encoder: a `VideoEncoder`.
        """
        return cls(
            encoder.hidden_dim,
            **projector_sizes(encoder.hidden_dim),
            dtype=encoder.dtype_policy,
            name="predictor",
        )

    def build(self, input_shape):
        """Creates all variables; no shape depends on the input."""
        if self.built:
            return
        self.input_norm = add_norm(self, "input_norm", self.hidden_dim)
        self.inner_norm = add_norm(self, "inner_norm", self.mlp_dim)
        self.expand.build((None, None, self.hidden_dim))
        self.output_map.build((None, None, self.mlp_dim))

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
        check_width(self, encoder)
        self.head_layers(target_layers)  # raises if there are any
        tokens = self._normalise(visible_tokens, self.input_norm)
        pooled = numerics.token_mean(tokens)
        hidden = self._normalise(self.expand(pooled), self.inner_norm)
        embedding = self.output_map(numerics.gelu(hidden))
        dtype = numerics.at_least_float32(self.compute_dtype)
        return (ops.cast(embedding, dtype),)

    def encoder_layers(self, encoder) -> int:
        """Returns the number of blocks that process visible tokens only: all.

        All blocks may freeze.
        """
        check_width(self, encoder)
        return encoder.num_layers

    def head_layers(self, target_layers) -> list:
        """Returns an empty list: there are no heads.

        Raises:
            ValueError: if there are target layers.
        """
        if target_layers:
            raise ValueError(
                "A projector predicts no layer. Received: target_layers="
                f"{tuple(target_layers)}. Pass a `LatentPredictor` or a "
                "`PatchwiseDecoder` as `predictor`, or leave it out."
            )
        return []

    def _normalise(self, x, gamma_and_beta):
        return numerics.layer_normalization(
            x, *current_values(gamma_and_beta), self.epsilon
        )

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_dim": self.hidden_dim,
            "mlp_dim": self.mlp_dim,
            "embedding_dim": self.embedding_dim,
            "epsilon": self.epsilon,
        }
