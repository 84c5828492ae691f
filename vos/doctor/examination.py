"""All checks of an installation, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vos._version import __version__
from vos.doctor.check import Check, private
from vos.doctor.environment import version_checks
from vos.doctor.hardware import device_checks
from vos.doctor.trials import trial_checks
from vos.doctor.video_support import video_checks
from vos.doctor.weights_present import weights_checks


def examine(*, weights_dir: Path | None = None, device: str = "auto") -> Iterator[Check]:
    """Give the checks one by one, each when it is done, so that a crash shows how far it went.

    Nothing is downloaded, and no file is left.

    Args:
        weights_dir: folder where weights are looked for first.
        device: where the tiny runs compute: auto, cpu, cuda, cuda:N or mps.
    """
    yield from _guarded("versions", version_checks())
    yield from _guarded("devices", device_checks())
    yield from _guarded("video", video_checks())
    yield from _guarded("weights", weights_checks(weights_dir))
    yield from _guarded("parts", trial_checks(device))


def _guarded(group: str, checks: Iterator[Check]) -> Iterator[Check]:
    """Give the checks of a group; a package whose absence ends them is one more line."""
    try:
        yield from checks
    except Exception as error:  # the groups below are examined all the same
        detail = private(f"{type(error).__name__}: {' '.join(str(error).split())}")
        advice = "mend what fails above, then run vos doctor again"
        yield Check(group, "the rest", "fails", detail, advice)


def as_record(checks: Sequence[Check]) -> dict[str, Any]:
    """Return the checks as JSON holds them: `ok` is whether nothing that is needed fails."""
    return {
        "vos_toolkit": __version__,
        "ok": works(checks),
        "checks": [
            {
                "group": check.group,
                "name": check.name,
                "state": check.state,
                "detail": check.detail,
                "advice": check.advice,
            }
            for check in checks
        ],
    }


def works(checks: Sequence[Check]) -> bool:
    """Whether none of the checks fails."""
    return all(check.state != "fails" for check in checks)
