"""What the command line says about sources; no image library is loaded by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vos.errors import InputError


@dataclass(frozen=True)
class SourceOptions:
    """What some kinds of sources need to know: videos, and shards from a command."""

    frames_per_video: int = 16
    """Frames that a video counts for in one epoch."""
    samples_per_shard: int = 0
    """Images in one shard of a "pipe:" source."""
    shard_cache: Path = Path("~/.cache/vos/shards")
    """Folder for shards fetched from a pipe."""
    cache_gb: float = 50.0
    """How many gigabytes of fetched shards are kept."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InputError: a value is out of its range.
        """
        check_at_least(self, {"frames_per_video": 1, "samples_per_shard": 0})
        if not self.cache_gb > 0:
            raise InputError(f"cache_gb is {self.cache_gb}; expected a number above 0")


def check_at_least(options: object, least: Mapping[str, int]) -> None:
    """Check the whole numbers among some options; None stands for a default and passes.

    Args:
        options: where they are attributes.
        least: the smallest value of each, by name.

    Raises:
        InputError: one is smaller.
    """
    for name, low in least.items():
        value = getattr(options, name)
        if value is not None and value < low:
            raise InputError(f"{name} is {value}; expected a whole number, {low} or above")


def require_data(specs: Sequence[str]) -> None:
    """Refuse an empty list of sources.

    Raises:
        InputError: nothing is named.
    """
    if not specs:
        raise InputError(
            "no data given; name one or more folders or archives of images "
            "(DATA; for `train` --data-path means the same)"
        )
