"""DINO self-supervised pretraining, from images to a checkpoint that `vos` reads."""
