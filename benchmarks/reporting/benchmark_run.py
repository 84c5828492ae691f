"""What a benchmark leaves behind: `run.json`, `results.json`, `table.md`.

The table sets the run's figures beside the published ones.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.reporting.published_figures import PublishedTable
from vos.errors import InputError
from vos.files import atomic_path, write_json
from vos.runtime.devices import peak_memory_mib
from vos.runtime.distributed import Team
from vos.runtime.provenance import git_revision, gpu_peak_mib, machine, versions

RUN, RESULTS, TABLE = "run.json", "results.json", "table.md"
Row = tuple[str, Sequence[float | None]]


def now() -> str:
    """Return date, time and time zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


@dataclass
class BenchmarkRun:
    """A run of one benchmark, and the folder it writes to."""

    benchmark: str
    out: Path
    settings: dict[str, Any]
    device: torch.device
    machines: list[dict[str, Any]] = field(default_factory=list)
    state: str = "running"
    started: str = field(default_factory=now)
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """Return the contents of `run.json`."""
        return {
            "benchmark": self.benchmark,
            "state": self.state,
            "command": list(sys.argv),
            "settings": json.loads(json.dumps(self.settings, default=str)),
            "versions": versions(),
            "revision": git_revision(),
            "processes": len(self.machines),
            "machines": self.machines,
            "started": self.started,
            "written": now(),
            "seconds": round(self.seconds, 3),
            "peak_memory_mib": peak_memory_mib(),
            "gpu_peak_mib": gpu_peak_mib(self.device),
        }

    def finish(
        self, results: Mapping[str, Any], rows: Sequence[Row], published: PublishedTable, data: str
    ) -> str:
        """Write `results.json` and `table.md`, and return the table.

        Args:
            results: all figures of the run.
            rows: (name, one figure for each of the published columns), the run's part of the table.
            published: the rows to set beside them.
            data: what this run was on, in a few words; the published figures may be of other data.
        """
        table = side_by_side(published, rows, data)
        write_json(
            self.out / RESULTS,
            {
                "state": "complete",
                "benchmark": self.benchmark,
                "table": published.label,
                "data": data,
                "results": dict(results),
                "rows": [{"name": name, "figures": list(figures)} for name, figures in rows],
                "published": asdict(published),
            },
        )
        with atomic_path(self.out / TABLE) as beside:
            beside.write_text(table, encoding="utf-8")
        return table


@contextmanager
def benchmark_run(
    benchmark: str, out: Path, settings: dict[str, Any], device: torch.device, processes: Team
) -> Iterator[BenchmarkRun]:
    """Record a run while the block works; the leading process alone writes.

    The results of an earlier run in the folder are removed, so that none are taken for this one's;
    they come back with its record if the input of this one cannot be used.

    Raises:
        InputError: the folder cannot be made or written to.
    """
    run = BenchmarkRun(benchmark, out, settings, device, processes.gather(machine(device)))
    start = time.perf_counter()
    earlier: dict[Path, bytes] = {}
    if processes.leads:
        paths = [path for path in (out / RUN, out / RESULTS, out / TABLE) if path.is_file()]
        earlier = {path: path.read_bytes() for path in paths}
        _write(run)
        for stale in (RESULTS, TABLE):
            (out / stale).unlink(missing_ok=True)
    try:
        yield run
    except BaseException as error:
        run.state = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
        if not isinstance(error, InputError):
            earlier = {}
        raise
    else:
        run.state, earlier = "complete", {}
    finally:
        run.seconds = time.perf_counter() - start
        if processes.leads and not earlier:
            _write(run)
        for path, held in earlier.items():
            with atomic_path(path) as beside:
                beside.write_bytes(held)


def _write(run: BenchmarkRun) -> None:
    try:
        write_json(run.out / RUN, run.record())
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"the output folder {run.out} cannot be written to ({error.strerror})"
        ) from None


def shown_name(weights: Mapping[str, Any]) -> str:
    """Return how tables call a backbone: its name, and whether it is untrained."""
    untrained = weights["source"] == "untrained"
    return f"{weights['name']}, untrained" if untrained else str(weights["name"])


def side_by_side(published: PublishedTable, rows: Sequence[Row], data: str) -> str:
    """Return a table in Markdown: the run's rows, then the published ones."""
    lines = [f"{published.label}, published: {published.title}. This run: {data}.", ""]
    lines.append("| | " + " | ".join(published.columns) + " |")
    lines.append("|---|" + "---:|" * len(published.columns))
    lines += [_line(f"**{name}**", figures) for name, figures in rows]
    lines += [_line(name, figures) for name, figures in published.rows]
    return "\n".join(lines) + "\n"


def _line(name: str, figures: Sequence[float | None]) -> str:
    shown = ["" if value is None else f"{value:.1f}" for value in figures]
    return f"| {name} | " + " | ".join(shown) + " |"
