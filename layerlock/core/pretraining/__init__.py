"""What is learned: the model, its masks, objectives, targets and teacher."""
