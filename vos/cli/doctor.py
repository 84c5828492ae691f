"""`vos doctor`: whether this installation works, for the user and for bug reports."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

from vos.runtime.progress import status


@dataclass(frozen=True)
class Doctor:
    """Examine this installation: versions, devices, codecs, weights, and a tiny run of each part.

    Each line is ok, absent (what the main job does without) or fails, with what to do. Exit status
    1 if something fails. Nothing is downloaded or kept. Put the output into a bug report: paths
    are shown without your home folder and user name.

    Example: vos doctor
    """

    json: bool = False
    """Print JSON in place of lines."""
    weights_dir: Path | None = None
    """Folder where weights are looked for first."""
    device: str = "auto"
    """Where the tiny runs compute: auto, cpu, cuda, cuda:N or mps."""

    def run(self) -> int:
        """Examine, print, and return 1 if something that is needed fails."""
        from vos.doctor.examination import as_record, examine, works

        status("examining the installation, which takes up to a minute")
        checks, group = [], ""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages that are imported only to be examined
            for check in examine(weights_dir=self.weights_dir, device=self.device):
                checks.append(check)
                if self.json:
                    continue
                if check.group != group:
                    group = check.group
                    print(group)
                print(check.text(), flush=True)
        if self.json:
            print(json.dumps(as_record(checks), indent=2))
            return 0 if works(checks) else 1
        failures = [check.name for check in checks if check.state == "fails"]
        print(f"fails: {', '.join(failures)}" if failures else "everything needed works")
        return 1 if failures else 0
