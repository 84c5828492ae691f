"""What `run.json` says of a run whose sequences several processes share out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.reporting.run_files import RUN
from vos.files import write_json
from vos.runtime.distributed import Team
from vos.runtime.provenance import git_revision, machine, timestamp, versions


class RunState:
    """What `run.json` says; the leading process alone writes it.

    Attributes:
        state: `running`, `stopped`, `failed` or `complete`.
        out: the run's folder.
    """

    def __init__(
        self, out: Path, settings: dict[str, Any], processes: Team, device: torch.device
    ) -> None:
        self.state = "running"
        self.out = out
        self._leads = processes.leads
        machines = processes.gather(machine(device))
        self._record = {
            "settings": settings,
            "command": list(sys.argv),
            "versions": versions(),
            "revision": git_revision(),
            "processes": processes.size,
            "machines": machines,
            "started": timestamp(),
        }
        self.write()

    def as_json(self) -> dict[str, Any]:
        """Return the contents of `run.json`."""
        return {"state": self.state, **self._record, "written": timestamp()}

    def write(self) -> None:
        """Write the file as things are now."""
        if self._leads:
            write_json(self.out / RUN, self.as_json())


def mixed_origins(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name what is not the same for all sequences, as after an update amid a run."""
    kinds = {
        "package versions": lambda r: r["versions"],
        "code revisions": lambda r: r["revision"],
        "devices": lambda r: r["machine"]["device"],
    }
    return [
        what
        for what, value in kinds.items()
        if len({json.dumps(value(record), sort_keys=True) for record in records.values()}) > 1
    ]
