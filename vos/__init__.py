"""Segment objects through a video from a first-frame mask."""

from vos._version import __version__

__all__ = ["__version__"]
