"""LayerLock's step written directly in JAX and optax, to be compared with.

What a careful person would write for this one job: parameters in a dict,
one jitted function, `jax.nn.dot_product_attention`, `optax.adamw`. Frozen
parameters are a dict of their own, without gradient and without slots.
"""

import jax
import jax.numpy as jnp
import optax

LINEAR = ("qkv", "attention_output", "mlp_expand", "mlp_output")
NORMS = ("attention_norm", "mlp_norm")


class Step:
    """A training step of a masked auto-encoder, some of its blocks frozen.

    Args:
        model: a `MaskedPretraining` with rotary positions, a `RandomMask` and
            a `PatchwiseDecoder`, whose weights are copied.
        frozen_layers: int.
        target_layer: int, 0 for the pixels.
        learning_rate: function of the step.
        weight_decay: float.
        gradient_clip: float.
        dtype: str, in which the network computes; weights, norms and the loss
            are float32. Defaults to `"float32"`.
        scanned: bool, let `train` run its batches in one program. Defaults to
            `False`.
    """

    def __init__(
        self,
        model,
        frozen_layers,
        target_layer,
        learning_rate,
        weight_decay,
        gradient_clip,
        dtype="float32",
        scanned=False,
    ):
        encoder = model.encoder
        self.encoder = encoder
        self.mask = model.mask
        self.seed = model.seed
        self.target_fraction = model.target_fraction
        self.frozen_layers = frozen_layers
        self.target_layer = target_layer
        self.grid = encoder.grid()
        self.positions = jnp.asarray(encoder.token_positions(self.grid))
        frequencies = jnp.asarray(encoder._frequencies, jnp.float32)
        angles = self.positions.astype(jnp.float32)[:, None] * frequencies.T
        angles = angles.sum(-1)  # (tokens, width)
        self.dtype = dtype
        is_fused = dtype != "float32" and jax.default_backend() == "gpu"
        self.attention = "cudnn" if is_fused else "xla"
        self.rotation = (
            jnp.cos(angles).astype(dtype),
            jnp.sin(angles).astype(dtype),
        )
        self.optimizer = optax.chain(
            optax.clip_by_global_norm(gradient_clip),
            optax.adamw(
                learning_rate, eps=1e-7, weight_decay=weight_decay, mask=_decays
            ),
        )
        self.frozen, trained = self._split(parameters(model))
        self.state = (trained, self.optimizer.init(trained), jnp.int32(0))
        self.step = jax.jit(self._step, donate_argnums=0)
        self.scan = jax.jit(self._scan, donate_argnums=0) if scanned else None

    def __call__(self, clips):
        """Trains on a batch; returns the loss, on the device."""
        self.state, loss = self.step(self.state, self.frozen, clips)
        return loss

    def train(self, batches):
        """Trains on some batches; returns the last loss, on the device."""
        if self.scan is None:
            return [self(clips) for clips in batches][-1]
        self.state, losses = self.scan(self.state, self.frozen, batches)
        return losses[-1]

    def _scan(self, state, frozen, batches):
        return jax.lax.scan(
            lambda state, clips: self._step(state, frozen, clips),
            state,
            jnp.stack(batches),
        )

    def peak_bytes(self, clips) -> int:
        """Bytes of the compiled step at its fullest."""
        program = self.step.lower(self.state, self.frozen, clips).compile()
        memory = program.memory_analysis()
        return (
            memory.argument_size_in_bytes
            + memory.output_size_in_bytes
            - memory.alias_size_in_bytes
            + memory.temp_size_in_bytes
        )

    def _split(self, params):
        """Frozen and trained parameters; a head that is not live is neither."""
        k = self.frozen_layers
        live = "latent_head" if self.target_layer else "pixel_head"
        trained = {
            "blocks": params["blocks"][k:],
            "latent": params["latent"],
            live: params[live],
        }
        frozen = {"blocks": params["blocks"][:k]}
        (frozen if k else trained)["embedding"] = params["embedding"]
        return frozen, trained

    def _step(self, state, frozen, clips):
        trained, slots, batch = state
        loss, gradients = jax.value_and_grad(self._loss)(
            trained, frozen, clips, batch
        )
        updates, slots = self.optimizer.update(gradients, slots, trained)
        trained = optax.apply_updates(trained, updates)
        return (trained, slots, batch + 1), loss

    def _loss(self, trained, frozen, clips, batch):
        encoder = self.encoder
        [(visible, hidden)] = self.mask(
            clips.shape[0], self.grid, self.seed, batch
        )
        scored = max(1, round(hidden.shape[1] * self.target_fraction))
        hidden = hidden[:, :scored]
        patches = self._patchify(clips)
        trained, frozen = self._cast(trained), self._cast(frozen)
        embedding = frozen.get("embedding") or trained["embedding"]
        decoding = encoder.num_layers - encoder.num_decoder_layers

        tokens = self._embed(_take(patches, visible), *embedding)
        turned = self._turned(visible)
        for block in frozen["blocks"]:
            tokens = self._block(block, tokens, turned)
        if frozen["blocks"]:
            tokens = jax.lax.stop_gradient(tokens)
        blocks = trained["blocks"]
        for block in blocks[: decoding - self.frozen_layers]:
            tokens = self._block(block, tokens, turned)

        latents = jnp.broadcast_to(
            trained["latent"], (*hidden.shape, encoder.hidden_dim)
        )
        tokens = jnp.concatenate([tokens, latents], axis=1)
        turned = self._turned(jnp.concatenate([visible, hidden], axis=1))
        *blocks, last = blocks[decoding - self.frozen_layers :]
        for block in blocks:
            tokens = self._block(block, tokens, turned)
        seen = visible.shape[1]
        tokens = self._block(last, tokens, turned, lambda x: x[:, seen:])
        head = "latent_head" if self.target_layer else "pixel_head"
        predicted = _linear(tokens, *trained[head])
        targets = self._targets(frozen, patches, hidden)
        return jnp.mean(jnp.square(predicted.astype("float32") - targets))

    def _targets(self, frozen, patches, hidden):
        if self.target_layer == 0:
            values = _take(patches, hidden)
        else:
            cos, sin = self.rotation
            tokens = self._embed(patches, *frozen["embedding"])
            turned = cos[None], sin[None]
            *blocks, last = frozen["blocks"][: self.target_layer]
            for block in blocks:
                tokens = self._block(block, tokens, turned)
            values = self._block(
                last, tokens, turned, lambda x: _take(x, hidden)
            )
        values = jax.lax.stop_gradient(values).astype("float32")
        mean = values.mean(-1, keepdims=True)
        variance = values.var(-1, keepdims=True)
        return (values - mean) * jax.lax.rsqrt(variance + 1e-6)

    def _cast(self, params):
        """Everything but the norms, in the precision of the network."""
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: (
                leaf
                if any(getattr(key, "key", None) in NORMS for key in path)
                else leaf.astype(self.dtype)
            ),
            params,
        )

    def _embed(self, patches, kernel, bias):
        return _linear(patches.astype(self.dtype), kernel, bias)

    def _turned(self, indices):
        cos, sin = self.rotation
        return cos[indices], sin[indices]

    def _block(self, block, tokens, turned, pick=None):
        """A block; `pick` picks the tokens whose outputs are needed."""
        batch, count, width = tokens.shape
        heads = self.encoder.num_heads
        cos, sin = turned
        x = _normalise(tokens, *block["attention_norm"])
        x = x * cos + jnp.roll(x, width // 2, axis=-1) * sin
        kernel, bias = block["qkv"]
        if pick is None:
            qkv = _linear(x.reshape(-1, width), kernel, bias)
            qkv = qkv.reshape(batch, count, 3 * heads, width // heads)
            query, key, value = jnp.split(qkv, 3, axis=2)
        else:
            both = _linear(
                x.reshape(-1, width), kernel[:, width:], bias[width:]
            )
            both = both.reshape(batch, count, 2 * heads, width // heads)
            key, value = jnp.split(both, 2, axis=2)
            x, tokens = pick(x), pick(tokens)
            count = tokens.shape[1]
            query = _linear(
                x.reshape(-1, width), kernel[:, :width], bias[:width]
            )
            query = query.reshape(batch, count, heads, width // heads)
        x = jax.nn.dot_product_attention(
            query, key, value, implementation=self.attention
        )
        x = _linear(x.reshape(-1, width), *block["attention_output"])
        tokens = tokens.reshape(-1, width) + x
        x = _normalise(tokens, *block["mlp_norm"])
        x = jax.nn.gelu(_linear(x, *block["mlp_expand"]), approximate=False)
        tokens = tokens + _linear(x, *block["mlp_output"])
        return tokens.reshape(batch, count, width)

    def _patchify(self, clips):
        t, r, c = self.grid
        frames, rows, columns = self.encoder.patch_size
        x = clips.reshape(-1, t, frames, r, rows, c, columns, 3)
        x = x.transpose(0, 1, 3, 5, 2, 4, 6, 7)
        x = x.reshape(-1, t * r * c, frames * rows * columns * 3)
        mean, std = self.encoder.pixel_mean, self.encoder.pixel_std
        return x.astype(jnp.float32) * (1 / (255 * std)) - mean / std


def parameters(model) -> dict:
    """The weights of a `MaskedPretraining`, copied.

    Args:
        model: a `MaskedPretraining` with a `PatchwiseDecoder`.
    """

    def values(*variables):
        return tuple(jnp.array(v.value, copy=True) for v in variables)

    predictor, encoder = model.predictor, model.encoder
    return {
        "embedding": values(*encoder.patch_embedding.variables),
        "latent": values(predictor.latent)[0],
        "pixel_head": values(*predictor.pixel_head.variables),
        "latent_head": values(*predictor.latent_heads[0].variables),
        "blocks": [
            {name: values(*getattr(block, name)) for name in (*NORMS, *LINEAR)}
            for block in encoder.blocks
        ],
    }


def _decays(params):
    """Kernels decay; norms, biases and the decoding latent do not."""
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def _linear(x, kernel, bias):
    return x @ kernel + bias


def _take(tokens, indices):
    return jnp.take_along_axis(tokens, indices[:, :, None], axis=1)


def _normalise(x, gamma, beta):
    precise = x.astype("float32")
    mean = precise.mean(-1, keepdims=True)
    variance = precise.var(-1, keepdims=True)
    normal = (precise - mean) * jax.lax.rsqrt(variance + 1e-6)
    return (normal * gamma + beta).astype(x.dtype)
