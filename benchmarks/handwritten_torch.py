"""LayerLock's step written directly in PyTorch, to be compared with.

What a careful person would write for this one job: functions on tensors,
`scaled_dot_product_attention`, fused AdamW. Frozen parameters need no
gradient, and the optimizer does not know them.
"""

import keras
import torch
from torch.nn import functional

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
        dtype: str, to which the network is autocast. Defaults to `"float32"`.
        compiled: bool, compile the loss as one program with `torch.compile`.
            Defaults to `False`.
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
        compiled=False,
    ):
        encoder = model.encoder
        self.encoder = encoder
        self.mask = model.mask
        self.seed = model.seed
        self.target_fraction = model.target_fraction
        self.frozen_layers = frozen_layers
        self.target_layer = target_layer
        self.learning_rate = learning_rate
        self.gradient_clip = gradient_clip
        self.grid = encoder.grid()
        self.params = parameters(model)
        device = self.params["latent"].device
        angles = torch.tensor(
            encoder.token_positions(self.grid), dtype=torch.float32
        ) @ torch.tensor(encoder._frequencies, dtype=torch.float32)
        angles = angles.to(device)  # (tokens, width)
        self.rotation = torch.cos(angles), torch.sin(angles)
        self.trained = self._trained()
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in self.trained if p.ndim > 1]},
                {
                    "params": [p for p in self.trained if p.ndim < 2],
                    "weight_decay": 0.0,
                },
            ],
            eps=1e-7,
            weight_decay=weight_decay,
            fused=True,
        )
        self.autocast = torch.autocast(
            device.type, getattr(torch, dtype), enabled=dtype != "float32"
        )
        self.rates = []
        self.step = 0
        # On the device too: a number from the host would wait for it.
        self.batch = torch.zeros((), dtype=torch.int32, device=device)
        self.loss = self._loss
        if compiled:
            self.loss = torch.compile(self._loss, dynamic=False)

    def __call__(self, clips):
        """Trains on a batch; returns the loss, on the device."""
        clips = torch.as_tensor(clips).to(self.params["latent"].device)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast:
            loss = self.loss(clips, *self._indices(len(clips)))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, self.gradient_clip)
        self.optimizer.step()
        self.batch += 1
        self.step += 1
        return loss.detach()

    def train(self, batches):
        """Trains on some batches; returns the last loss, on the device."""
        return [self(clips) for clips in batches][-1]

    def _rate(self) -> float:
        """The learning rate of this step, from a table."""
        if self.step == len(self.rates):
            with keras.device("cpu"):  # reading it from a GPU would wait
                some = range(self.step, self.step + 500)
                self.rates += [float(self.learning_rate(step)) for step in some]
        return self.rates[self.step]

    def peak_bytes(self, clips) -> int:
        """Bytes of weights, gradients, optimizer and what autograd keeps."""
        leaves = keras.tree.flatten(self.params)
        known = {leaf.untyped_storage().data_ptr() for leaf in leaves}
        kept = {}

        def keep(tensor):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in known:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            self(clips)
        held = sum(leaf.nbytes for leaf in leaves)
        slots = 3 * sum(leaf.nbytes for leaf in self.trained)
        return held + slots + sum(kept.values())

    def _trained(self):
        """Turns gradients on where they are needed."""
        k, params = self.frozen_layers, self.params
        live = "latent_head" if self.target_layer else "pixel_head"
        trained = [params["latent"], *params[live]]
        for block in params["blocks"][k:]:
            trained += [p for pair in block.values() for p in pair]
        if not k:
            trained += params["embedding"]
        return [p.requires_grad_() for p in trained]

    def _indices(self, num_clips):
        with torch.no_grad():
            [(visible, hidden)] = self.mask(
                num_clips, self.grid, self.seed, self.batch
            )
        scored = max(1, round(hidden.shape[1] * self.target_fraction))
        return visible.long(), hidden[:, :scored].long()

    def _loss(self, clips, visible, hidden):
        encoder, params = self.encoder, self.params
        k = self.frozen_layers
        decoding = encoder.num_layers - encoder.num_decoder_layers
        patches = self._patchify(clips)
        with torch.set_grad_enabled(not k):
            tokens = _linear(_take(patches, visible), *params["embedding"])
        turned = self._turned(visible)
        with torch.no_grad():
            for block in params["blocks"][:k]:
                tokens = self._block(block, tokens, turned)
        for block in params["blocks"][k:decoding]:
            tokens = self._block(block, tokens, turned)

        latents = params["latent"].expand(*hidden.shape, -1)
        tokens = torch.cat([tokens, latents], dim=1)
        turned = self._turned(torch.cat([visible, hidden], dim=1))
        *blocks, last = params["blocks"][decoding:]
        for block in blocks:
            tokens = self._block(block, tokens, turned)
        seen = visible.shape[1]
        tokens = self._block(last, tokens, turned, lambda x: x[:, seen:])
        head = "latent_head" if self.target_layer else "pixel_head"
        predicted = _linear(tokens, *params[head])
        targets = self._targets(patches, hidden)
        return (predicted.float() - targets).square().mean()

    @torch.no_grad()
    def _targets(self, patches, hidden):
        if self.target_layer == 0:
            values = _take(patches, hidden)
        else:
            cos, sin = self.rotation
            tokens = _linear(patches, *self.params["embedding"])
            turned = cos[None], sin[None]
            *blocks, last = self.params["blocks"][: self.target_layer]
            for block in blocks:
                tokens = self._block(block, tokens, turned)
            values = self._block(
                last, tokens, turned, lambda x: _take(x, hidden)
            )
        values = values.float()
        return functional.layer_norm(values, values.shape[-1:], eps=1e-6)

    def _turned(self, indices):
        cos, sin = self.rotation
        return cos[indices], sin[indices]

    def _block(self, block, tokens, turned, pick=None):
        """A block; `pick` picks the tokens whose outputs are needed."""
        batch, count, width = tokens.shape
        heads = self.encoder.num_heads
        cos, sin = turned
        x = _normalise(tokens, *block["attention_norm"])
        x = x * cos + x.roll(width // 2, dims=-1) * sin
        kernel, bias = block["qkv"]
        if pick is None:
            qkv = _linear(x, kernel, bias)
            qkv = qkv.view(batch, count, 3, heads, width // heads)
            query, key, value = qkv.permute(2, 0, 3, 1, 4)
        else:
            both = _linear(x, kernel[:, width:], bias[width:])
            both = both.view(batch, count, 2, heads, width // heads)
            key, value = both.permute(2, 0, 3, 1, 4)
            x, tokens = pick(x), pick(tokens)
            count = tokens.shape[1]
            query = _linear(x, kernel[:, :width], bias[:width])
            query = query.view(batch, count, heads, width // heads)
            query = query.transpose(1, 2)
        x = functional.scaled_dot_product_attention(query, key, value)
        x = x.transpose(1, 2).reshape(batch, count, width)
        tokens = tokens + _linear(x, *block["attention_output"])
        x = _normalise(tokens, *block["mlp_norm"])
        x = functional.gelu(_linear(x, *block["mlp_expand"]))
        return tokens + _linear(x, *block["mlp_output"])

    def _patchify(self, clips):
        t, r, c = self.grid
        frames, rows, columns = self.encoder.patch_size
        x = clips.view(-1, t, frames, r, rows, c, columns, 3)
        x = x.permute(0, 1, 3, 5, 2, 4, 6, 7)
        x = x.reshape(-1, t * r * c, frames * rows * columns * 3)
        mean, std = self.encoder.pixel_mean, self.encoder.pixel_std
        return x.float() * (1 / (255 * std)) - mean / std


def parameters(model) -> dict:
    """The weights of a `MaskedPretraining`, copied.

    Args:
        model: a `MaskedPretraining` with a `PatchwiseDecoder`.
    """

    def values(*variables):
        return [v.value.detach().clone() for v in variables]

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


def _linear(x, kernel, bias):
    return functional.linear(x, kernel.t(), bias)


def _take(tokens, indices):
    return tokens.gather(1, indices[:, :, None].expand(-1, -1, tokens.shape[2]))


def _normalise(x, gamma, beta):
    return functional.layer_norm(x, x.shape[-1:], gamma, beta, eps=1e-6)
