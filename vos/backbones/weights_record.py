"""Where a backbone's weights came from."""

from __future__ import annotations

from dataclasses import dataclass

from vos.backbones.checkpoints import Checkpoint


@dataclass(frozen=True)
class WeightsRecord:
    """Where a backbone's weights came from."""

    name: str
    source: str
    """The file's path, its name inside a package, `timm` or `untrained`."""
    sha256: str | None
    layout: str

    @classmethod
    def of(cls, checkpoint: Checkpoint, name: str, *, source: str | None = None) -> WeightsRecord:
        """Record that a backbone has the weights of a file.

        Args:
            checkpoint: the file.
            name: the backbone's name.
            source: what to call the file; None is its path.
        """
        return cls(name, source or str(checkpoint.path), checkpoint.sha256, checkpoint.layout)
