"""Ours against a plain reference, side by side in one run."""
