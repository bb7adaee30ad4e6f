"""Masked pre-training: model, masks, objectives, targets and teacher."""
