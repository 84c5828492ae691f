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
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.reporting.published_figures import PublishedTable
from benchmarks.reporting.run_files import RESULTS, RUN, TABLE
from vos.errors import InputError
from vos.files import atomic_path, write_json
from vos.runtime.devices import peak_memory_mib, resolve_device
from vos.runtime.distributed import Team, team
from vos.runtime.provenance import git_revision, gpu_peak_mib, machine, timestamp, versions

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = tuple[str, Sequence[float | None]]


@dataclass
class BenchmarkRun:
    """A run of one benchmark, and the folder it writes to. It alone holds what is recorded."""

    benchmark: str
    out: Path
    options: DataclassInstance
    """The verb's options, all of which are recorded."""
    device: torch.device
    team: Team
    machines: list[dict[str, Any]]
    state: str = "running"
    started: str = field(default_factory=timestamp)
    seconds: float = 0.0
    weights: Mapping[str, Any] | None = None
    """What the backbone is; None until it is loaded, and where none is needed."""
    kind: str | None = None
    """Features that were chosen by the backbone; None where the options say which."""

    @property
    def backbone_name(self) -> str:
        """How tables call the backbone that the features are of."""
        return "given features" if self.weights is None else shown_name(self.weights)

    def settings(self) -> dict[str, Any]:
        """Return the options, the weights and the kind that they chose, ready for JSON."""
        chosen = {"weights": self.weights, "kind": self.kind}
        known = {name: value for name, value in chosen.items() if value is not None}
        settings: dict[str, Any] = json.loads(
            json.dumps({**asdict(self.options), **known}, default=str)
        )
        return settings

    def record(self) -> dict[str, Any]:
        """Return the contents of `run.json`."""
        return {
            "benchmark": self.benchmark,
            "state": self.state,
            "command": list(sys.argv),
            "settings": self.settings(),
            "versions": versions(),
            "revision": git_revision(),
            "processes": len(self.machines),
            "machines": self.machines,
            "started": self.started,
            "written": timestamp(),
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
def team_run(
    benchmark: str, options: DataclassInstance, out: Path, device: str
) -> Iterator[BenchmarkRun]:
    """Record a run that all processes of the team share, each on a device of its own.

    Raises:
        InputError: there is no such device; the folder cannot be made or written to.
    """
    with team() as processes:
        own = resolve_device(processes.device(device))
        with benchmark_run(benchmark, options, out, own, processes) as run:
            yield run


@contextmanager
def benchmark_run(
    benchmark: str, options: DataclassInstance, out: Path, device: torch.device, processes: Team
) -> Iterator[BenchmarkRun]:
    """Record a run while the block works; the leading process alone writes.

    The results of an earlier run in the folder are removed, so that none are taken for this one's;
    they come back with its record if the input of this one cannot be used.

    Raises:
        InputError: the folder cannot be made or written to, or another run works in it.
    """
    with (
        processes.own_folder(out),
        _recorded(benchmark, options, out, device, processes) as run,
    ):
        yield run


@contextmanager
def _recorded(
    benchmark: str, options: DataclassInstance, out: Path, device: torch.device, processes: Team
) -> Iterator[BenchmarkRun]:
    """Record a run in a folder of its own; see `benchmark_run`."""
    machines = processes.gather(machine(device))
    run = BenchmarkRun(benchmark, out, options, device, processes, machines)
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
        for path, contents in earlier.items():
            with atomic_path(path) as beside:
                beside.write_bytes(contents)


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
    label = f"{published.label}, published" if published.rows else published.label
    lines = [f"{label}: {published.title}. This run: {data}.", ""]
    lines.append("| | " + " | ".join(published.columns) + " |")
    lines.append("|---|" + "---:|" * len(published.columns))
    lines += [_line(f"**{name}**", figures) for name, figures in rows]
    lines += [_line(name, figures) for name, figures in published.rows]
    return "\n".join(lines) + "\n"


def _line(name: str, figures: Sequence[float | None]) -> str:
    shown = ["" if value is None else f"{value:.1f}" for value in figures]
    return f"| {name} | " + " | ".join(shown) + " |"
