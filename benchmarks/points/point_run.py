"""A run on a benchmark of points: the tracks of all videos, their scores, and the report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.features.options import backbone_for_team
from benchmarks.points.protocol import PointProtocol, PointScores
from benchmarks.points.report import write_report
from benchmarks.points.track_folder import REPORT, TrackFolder
from benchmarks.reporting.benchmark_run import shown_name, side_by_side
from benchmarks.reporting.run_files import RESULTS, TABLE
from benchmarks.reporting.run_state import RunState, mixed_origins
from benchmarks.reporting.shared_work import run_recorded, share_out
from vos.backbones.backbone import Backbone
from vos.backbones.loading import BackboneSource
from vos.files import atomic_path, write_json
from vos.propagation.config import PointConfig, PropagationConfig
from vos.runtime.devices import peak_memory_mib
from vos.runtime.distributed import Team
from vos.runtime.provenance import git_revision, gpu_peak_mib, machine, versions
from vos.tracking.point_tracker import PointTracker
from vos.tracking.tracks import track_points


@dataclass(frozen=True)
class PointSettings:
    """What tracks depend on, beside the backbone and the set."""

    propagation: PropagationConfig
    points: PointConfig


def run_points(
    protocol: PointProtocol,
    backbone: BackboneSource,
    folder: TrackFolder,
    processes: Team,
    settings: PointSettings,
    *,
    overwrite: bool,
) -> int:
    """Follow the points of all videos, score them and write the report; return 1 if one failed.

    Raises:
        InputError: the folder cannot be made, or holds a run with other settings.
    """
    network = backbone_for_team(backbone, processes)
    recorded = recorded_settings(protocol, network, settings)
    defaults = {"propagation": asdict(PropagationConfig()), "points": asdict(PointConfig())}
    processes.from_leader(lambda: folder.prepare(recorded, defaults, overwrite=overwrite))
    state = RunState(folder.out, recorded, processes, network.device)
    return run_recorded(
        state,
        processes,
        lambda: track_all(protocol, network, folder, processes, settings),
        lambda: _finish(protocol, folder, state),
    )


def recorded_settings(
    protocol: PointProtocol, backbone: Backbone, settings: PointSettings
) -> dict[str, Any]:
    """Return all that tracks depend on; a run goes on only with the same."""
    described = backbone.describe()
    described["device"] = backbone.device.type  # which GPU of a machine it was makes no difference
    dataset = protocol.dataset
    return {
        "dataset": {"name": dataset.name, "set": dataset.subset},
        "rules": protocol.rules,
        "backbone": described,
        "propagation": asdict(settings.propagation),
        "points": asdict(settings.points),
    }


def track_all(
    protocol: PointProtocol,
    backbone: Backbone,
    folder: TrackFolder,
    processes: Team,
    settings: PointSettings,
) -> dict[str, str]:
    """Follow the points of all videos that are not whole yet; return the failed with the reason."""
    videos = {video.name: video for video in protocol.dataset.videos}

    def missing() -> dict[str, int]:
        return {
            name: protocol.work(video)
            for name, video in videos.items()
            if not folder.is_whole(name, len(protocol.queries(video)), video.frame_count)
        }

    revision = git_revision()  # of the code that runs, whatever is checked out later

    def work(name: str, on_frame: Callable[..., None]) -> None:
        start = time.perf_counter()
        tracker = PointTracker(backbone, settings.propagation, settings.points)
        video = videos[name]
        tracks = track_points(
            tracker,
            protocol.frames(video),
            protocol.queries(video),
            backward=protocol.backward,
            on_frame=on_frame,
        )
        seconds = time.perf_counter() - start
        record = {
            "frames": protocol.work(video),
            "seconds": round(seconds, 3),
            "versions": versions(),
            "revision": revision,
            "machine": machine(backbone.device),
            "peak_memory_mib": peak_memory_mib(),
            "gpu_peak_memory_mib": gpu_peak_mib(backbone.device),
        }
        folder.keep(name, tracks, record)

    return share_out(processes.from_leader(missing), work, processes, "track")


def _finish(protocol: PointProtocol, folder: TrackFolder, state: RunState) -> None:
    """Score, and write `results.json`, `table.md` and the report."""
    names = [video.name for video in protocol.dataset.videos]
    tracks = {name: folder.load(name) for name in names}
    scores = protocol.score(tracks)
    results = results_of(protocol, scores, state.as_json()["settings"], folder.records(names))
    write_json(folder.out / RESULTS, results)
    rows = [(row["name"], row["figures"]) for row in results["rows"]]
    table = side_by_side(protocol.published, rows, results["data"])
    with atomic_path(folder.out / TABLE) as beside:
        beside.write_text(table, encoding="utf-8")
    state.state = "complete"
    state.write()
    write_report(
        folder.out / REPORT, protocol, tracks, scores, run=state.as_json(), results=results
    )
    print("\n".join(f"{name:<12} {value:6.2f}" for name, value in scores.overall.items()))
    for what in results["made_with_different"]:
        print(f"note: the videos were made with different {what}; see tracks/*.json")
    print(f"report: {folder.out / REPORT}")


def results_of(
    protocol: PointProtocol,
    scores: PointScores,
    settings: Mapping[str, Any],
    records: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the contents of `results.json`; shares of 1 beside the percentages of tables."""
    dataset = protocol.dataset
    count = len(dataset.videos)
    whole = count == protocol.full_set
    return {
        "state": "complete",
        "benchmark": protocol.benchmark,
        "table": protocol.published.label,
        "data": f"{dataset.name}, {dataset.subset}, {count} videos"
        + ("" if whole else f" of {protocol.full_set}, so that the figures do not compare"),
        "dataset": dataset.name,
        "set": dataset.subset,
        "rules": protocol.rules,
        "metrics": list(scores.overall),
        "global": {name: _share(value) for name, value in scores.overall.items()},
        "sequences": [
            {
                "name": name,
                "objects": [{"name": name, **{k: _share(v) for k, v in figures.items()}}],
            }
            for name, figures in scores.videos.items()
        ],
        "results": _without_nan(scores.details),
        "rows": [{"name": shown_name(settings["backbone"]), "figures": list(protocol.row(scores))}],
        "published": asdict(protocol.published),
        "speed": _speed(records),
        "made_with_different": mixed_origins(records),
    }


def _share(percent: float) -> float | None:
    return None if math.isnan(percent) else percent / 100


def _without_nan(value: Any) -> Any:
    """Replace NaN by None, which JSON knows."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _speed(records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return frames per second of one process, and the most memory, over all videos."""
    frames = sum(record["frames"] for record in records.values())
    seconds = sum(record["seconds"] for record in records.values())
    peaks = ("peak_memory_mib", "gpu_peak_memory_mib")
    known = {p: [r[p] for r in records.values() if r[p] is not None] for p in peaks}
    return {
        "frames": frames,
        "frames_per_second": frames / seconds if seconds else None,
        **{p: max(values, default=None) for p, values in known.items()},
    }
