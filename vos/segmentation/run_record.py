"""`run.json`: what a run was made with, so that it can be believed, repeated and resumed."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from vos.backbones.backbone import Backbone
from vos.errors import InputError
from vos.files import write_json
from vos.masks.values import LoadedMask
from vos.propagation.config import PropagationConfig
from vos.runtime.provenance import package_versions, timestamp
from vos.segmentation.options import OutputOptions
from vos.segmentation.run_folder import RUN
from vos.segmentation.source_fingerprint import SourceFingerprint
from vos.video.frame_range import FrameRange


def setting_defaults() -> dict[str, Any]:
    """Return the defaults of settings and of their groups, for records without a newer setting."""
    return {
        "frames": asdict(FrameRange()),
        "propagation": asdict(PropagationConfig()),
        "outputs": asdict(OutputOptions()),
        "direction": "forward",
    }


@dataclass
class StageSeconds:
    """Where the time of a run went. Decoding and writing run beside the rest."""

    decode: float = 0.0
    """Busy time of the decoding thread."""
    decode_wait: float = 0.0
    """Waiting for the decoder, as far as it was not ahead."""
    features: float = 0.0
    propagation: float = 0.0
    writing: float = 0.0
    """Busy time of the writing thread."""


@dataclass(frozen=True)
class RunResults:
    """What a run that has ended says of its work."""

    frames: int
    """Frames with a mask, those of an earlier part of the run too."""
    frames_computed: int
    """Frames that the last part of the run computed."""
    objects: tuple[int, ...]
    seconds: StageSeconds
    wall_seconds: float
    frames_per_second: float
    peak_memory_mib: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the results as a record holds them."""
        return {**asdict(self), "objects": list(self.objects)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunResults:
        """Read the results of a record; what a newer version added is passed over.

        Raises:
            KeyError: one is missing.
            TypeError: one is of another kind.
        """
        seconds = {f.name: float(values["seconds"][f.name]) for f in fields(StageSeconds)}
        return cls(
            int(values["frames"]),
            int(values["frames_computed"]),
            tuple(values["objects"]),
            StageSeconds(**seconds),
            float(values["wall_seconds"]),
            float(values["frames_per_second"]),
            values["peak_memory_mib"],
        )


@dataclass
class RunRecord:
    """The contents of `run.json`."""

    settings: dict[str, Any]
    """All that the results depend on; a resumed run must have the same."""
    state: str = "running"
    """`running`, `stopped`, `failed` or `complete`."""
    command: list[str] = field(default_factory=lambda: list(sys.argv))
    versions: dict[str, str] = field(default_factory=package_versions)
    machine: str = field(default_factory=platform.platform)
    started: str = field(default_factory=timestamp)
    results: RunResults | None = None
    """None until the run has ended."""

    @classmethod
    def of(
        cls,
        source: str,
        frames: FrameRange,
        prompts: dict[int, LoadedMask],
        backbone: Backbone,
        config: PropagationConfig,
        *,
        outputs: OutputOptions,
        fingerprint: SourceFingerprint | None,
    ) -> RunRecord:
        """Describe a run that is about to start."""
        masks = {
            str(index): {
                "form": mask.form,
                "sha256": hashlib.sha256(mask.ids.tobytes()).hexdigest(),
                "mapping": {str(k): v for k, v in mask.mapping.items()},
            }
            for index, mask in prompts.items()
        }
        return cls(
            {
                "source": source,
                "fingerprint": fingerprint.as_json() if fingerprint else None,
                "frames": asdict(frames),
                "masks": masks,
                "backbone": backbone.describe(),
                "propagation": asdict(config),
                "outputs": asdict(outputs),
                "direction": "forward",
            }
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any], name: str) -> RunRecord:
        """Read the record of a complete run.

        Args:
            values: the contents of `run.json`.
            name: what to call it in messages.

        Raises:
            InputError: something is missing or of another kind.
        """
        try:
            results = RunResults.from_json(values["results"])
            return cls(**{f.name: values[f.name] for f in fields(cls)} | {"results": results})
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{name} is not the record of a complete run ({error!r}); start again with "
                "--overwrite, or give another folder"
            ) from None

    def as_json(self) -> dict[str, Any]:
        """Return the contents of `run.json`."""
        results = self.results.as_json() if self.results else {}
        return {**asdict(self), "results": results}

    def write(self, out: Path) -> None:
        """Write it into the run's folder.

        Raises:
            OSError: it cannot be written.
        """
        write_json(out / RUN, self.as_json())
