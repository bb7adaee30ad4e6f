"""Sizes of networks, from which the cost of a step is counted."""

import dataclasses

from layerlock.core.pretraining.targets import num_scored


@dataclasses.dataclass(frozen=True)
class BlockSizes:
    """The sizes of a stack of transformer blocks.

    Args:
        num_layers: int, blocks.
        hidden_dim: int, width of the tokens.
        mlp_dim: int, width of the MLPs.
        num_heads: int, attention heads; no matrix product depends on it.
            Defaults to `1`.
    """

    num_layers: int
    hidden_dim: int
    mlp_dim: int
    num_heads: int = 1

    @classmethod
    def of(cls, encoder) -> "BlockSizes":
        """Reads the sizes of a `VideoEncoder`."""
        return cls(
            encoder.num_layers,
            encoder.hidden_dim,
            encoder.mlp_dim,
            encoder.num_heads,
        )

    def block_flops(
        self, num_tokens: int, num_queries: int | None = None
    ) -> int:
        """FLOPs of one block's forward pass over one sequence.

        Args:
            num_tokens: int, of the sequence.
            num_queries: int, tokens whose outputs are computed. Defaults to
                `None`: all.
        """
        if num_queries is None:
            num_queries = num_tokens
        width = self.hidden_dim
        per_token = 2 * width * width  # keys and values
        per_query = 2 * width * width + 2 * width * self.mlp_dim
        weights = 2 * (num_tokens * per_token + num_queries * per_query)
        return weights + 4 * num_queries * num_tokens * width

    def recomputed_flops(
        self, policy: str, num_tokens: int, num_queries: int | None = None
    ) -> int:
        """FLOPs that the backward pass of one block computes again.

        It leaves out the last product, whose result it does not need.

        Args:
            policy: `"none"`, `"blocks"` or `"attention"`, the activations
                that are not kept.
            num_tokens, num_queries: as for `block_flops`.
        """
        if num_queries is None:
            num_queries = num_tokens
        width = self.hidden_dim
        if policy == "none":
            return 0
        mlp = 2 * num_queries * width * self.mlp_dim
        flops = self.block_flops(num_tokens, num_queries) - mlp
        if policy == "attention":
            flops -= mlp + 2 * num_queries * width * width
        return flops

    def trained_flops(
        self, policy: str, num_tokens: int, num_queries: int | None = None
    ) -> int:
        """FLOPs of one block over one sequence, with gradient.

        Args:
            policy, num_tokens, num_queries: as for `recomputed_flops`.
        """
        # Forward, gradient of the input, gradient of the weights.
        return 3 * self.block_flops(
            num_tokens, num_queries
        ) + self.recomputed_flops(policy, num_tokens, num_queries)

    @property
    def block_weights(self) -> int:
        """Number of weights of one block."""
        width, mlp = self.hidden_dim, self.mlp_dim
        norms, biases = 4 * width, 5 * width + mlp
        return norms + biases + self.block_kernels

    @property
    def block_kernels(self) -> int:
        """Number of weights in the matrices of one block."""
        width = self.hidden_dim
        return 4 * width * width + 2 * width * self.mlp_dim

    def activations(
        self,
        num_tokens: int,
        num_queries: int | None = None,
        policy: str = "none",
    ) -> int:
        """Activations that a trained block keeps for its gradient.

        For each token: its input, the output of the first norm, key and value.
        For each query token, too: the query, the output of attention, input
        and output of the second norm, and input and output of the MLP's
        activation.

        Args:
            num_tokens: int, of the sequence.
            num_queries: int, tokens whose outputs are computed. Defaults to
                `None`: all.
            policy: `"none"`, `"blocks"`, which keeps the input alone, or
                `"attention"`, which keeps the input and what comes after
                attention. Defaults to `"none"`.
        """
        if num_queries is None:
            num_queries = num_tokens
        width = self.hidden_dim
        if policy == "blocks":
            return num_tokens * width
        if policy == "attention":
            per_query = 2 * width + 2 * self.mlp_dim
            return num_tokens * width + num_queries * per_query
        per_query = 4 * width + 2 * self.mlp_dim
        return 4 * num_tokens * width + num_queries * per_query

    def saved_by_float8(
        self,
        num_tokens: int,
        num_queries: int | None = None,
        policy: str = "none",
    ) -> int:
        """Bytes that float8 saves of these activations, if they have 16 bits.

        The inputs of the four matrices have one byte less; but the output of
        attention is kept in 16 bits, too.

        Args:
            num_tokens, num_queries, policy: as for `activations`.
        """
        if num_queries is None:
            num_queries = num_tokens
        if policy == "blocks":
            return 0
        if policy == "attention":
            return num_queries * (self.hidden_dim + self.mlp_dim)
        return num_tokens * self.hidden_dim + num_queries * self.mlp_dim


@dataclasses.dataclass(frozen=True)
class ProjectorSizes:
    """The sizes of a `Projector`.

    Args:
        hidden_dim: int, width of the averaged tokens.
        mlp_dim: int, hidden features.
        embedding_dim: int, features of the embedding.
    """

    hidden_dim: int
    mlp_dim: int
    embedding_dim: int

    def flops(self) -> int:
        """FLOPs of one embedding, with gradient.

        The norm before the first matrix is trained, so that the input of the
        matrix needs a gradient even if the whole encoder is frozen.
        """
        return 3 * 2 * self.num_kernels

    @property
    def num_weights(self) -> int:
        """Number of weights."""
        norms = 2 * self.hidden_dim + 2 * self.mlp_dim
        biases = self.mlp_dim + self.embedding_dim
        return norms + biases + self.num_kernels

    @property
    def num_kernels(self) -> int:
        """Number of weights in its two matrices."""
        return (self.hidden_dim + self.embedding_dim) * self.mlp_dim

    def activations(self, num_tokens: int) -> int:
        """Activations of one embedding that are kept for its gradient.

        The normalised tokens, their mean, the input of the inner norm, and the
        input and output of the activation.

        Args:
            num_tokens: int, tokens that are averaged.
        """
        return (num_tokens + 1) * self.hidden_dim + 3 * self.mlp_dim


def masks_of(counts: list, target_fraction: float, projector) -> tuple:
    """Visible and scored patches of each kind of mask, for `StepSizes`.

    Args:
        counts: list of `(visible, hidden)`, see `Mask.counts`.
        target_fraction: float, share of the hidden patches.
        projector: `ProjectorSizes`, or `None`.
    """
    return tuple(
        (visible, 0 if projector else num_scored(hidden, target_fraction))
        for visible, hidden in counts
    )


def penalty_of(objective, projector, batch_size: int, num_views: int) -> int:
    """FLOPs of the penalty of an objective, for `StepSizes`.

    Args:
        objective: an `Objective`.
        projector: `ProjectorSizes`, or `None`.
        batch_size: int, clips in a batch.
        num_views: int, masks of a clip, of all kinds.
    """
    if projector is None:
        return 0
    embeddings = batch_size * num_views
    return objective.penalty_flops(embeddings, projector.embedding_dim)
