"""The encoder as a model of Hugging Face's transformers.

An export has a copy of this file, with its imports made relative, so that
`AutoModel.from_pretrained(folder, trust_remote_code=True)` needs no LayerLock.
"""

from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from layerlock.backends.torch.portable.encoder import PyTorchEncoder


class LayerLockConfig(PretrainedConfig):
    """Configuration of an encoder: `encoder` has its arguments."""

    model_type = "layerlock"

    def __init__(self, encoder=None, **kwargs):
        self.encoder = dict(encoder or {})
        self.hidden_size = self.encoder.get("hidden_dim")
        self.num_hidden_layers = self.encoder.get("num_layers")
        self.num_attention_heads = self.encoder.get("num_heads")
        super().__init__(**kwargs)


class LayerLockModel(PreTrainedModel):
    """The features of a video encoder that LayerLock trained.

    Call arguments:
        pixel_values_videos: pixels, standardised as
            `video_preprocessor_config.json` states. Floats of shape
            `(batch, frames, 3, height, width)`, of any size that the patches
            divide.
        output_hidden_states: bool, whether `hidden_states` has the features
            of the embedding and of each block, and those of a final norm.

    Output shape:
        `(batch, tokens, hidden_size)`, for every hidden state; tokens follow
        each other by frame, row and column.
    """

    config_class = LayerLockConfig
    base_model_prefix = "layerlock"
    main_input_name = "pixel_values_videos"

    def __init__(self, config):
        super().__init__(config)
        self.encoder = PyTorchEncoder(**config.encoder)
        self.post_init()

    def forward(
        self,
        pixel_values_videos,
        output_hidden_states=None,
        return_dict=True,
        **unused,
    ):
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        dtype = self.encoder.patch_embedding.weight.dtype
        pixels = pixel_values_videos.permute(0, 1, 3, 4, 2).to(dtype)
        features = self.encoder(pixels)
        outputs = BaseModelOutput(
            last_hidden_state=features[-1],
            hidden_states=tuple(features) if output_hidden_states else None,
        )
        return outputs if return_dict else outputs.to_tuple()
