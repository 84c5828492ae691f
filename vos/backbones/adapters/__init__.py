"""Backbones made of modules from elsewhere."""
