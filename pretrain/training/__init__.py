"""A training step, its schedules and optimizers, and its state on disk.

It imports models, losses, config and distributed.
"""
