"""A run on VIP: the masks of all videos, their IoU, and the report."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.davis.run_folder import REPORT, RunFolder, settings_of, speed
from benchmarks.features.options import backbone_for_team
from benchmarks.parts.part_masks import write_part_masks
from benchmarks.parts.report import write_report
from benchmarks.reporting.benchmark_run import shown_name, side_by_side
from benchmarks.reporting.published_points import VIP
from benchmarks.reporting.run_files import RESULTS, TABLE
from benchmarks.reporting.run_state import RunState, mixed_origins
from benchmarks.reporting.shared_work import run_recorded, share_out
from vos.backbones.backbone import Backbone
from vos.backbones.loading import BackboneSource
from vos.datasets.dataset import Dataset
from vos.datasets.vip import PARTS
from vos.evaluation.part_iou import PartConfusion
from vos.files import atomic_path, write_json
from vos.masks.io import read_index_png
from vos.propagation.config import PropagationConfig
from vos.runtime.distributed import Team

FULL_SET = 50
"""Videos of VIP's validation set."""


@dataclass(frozen=True)
class PartScores:
    """Confusions over all videos, and of each."""

    overall: PartConfusion
    videos: Mapping[str, PartConfusion]


def run_vip(
    dataset: Dataset,
    backbone: BackboneSource,
    folder: RunFolder,
    processes: Team,
    config: PropagationConfig,
    *,
    overwrite: bool,
) -> int:
    """Make the masks, score them and write the report; return 1 if a video failed.

    Raises:
        InputError: the folder cannot be made, or holds a run with other settings.
    """
    network = backbone_for_team(backbone, processes)
    settings = settings_of(dataset, "", network, config)
    del settings["dataset"]["resolution"]  # the set has one
    processes.from_leader(lambda: folder.prepare(settings, overwrite=overwrite))
    state = RunState(folder.out, settings, processes, network.device)
    return run_recorded(
        state,
        processes,
        lambda: propagate_parts(dataset, folder, network, config, processes),
        lambda: _finish(dataset, folder, state),
    )


def propagate_parts(
    dataset: Dataset,
    folder: RunFolder,
    backbone: Backbone,
    config: PropagationConfig,
    processes: Team,
) -> dict[str, str]:
    """Make the masks of all videos that are not whole yet; return the failed with the reason."""
    videos = {video.name: video for video in dataset.sequences}

    def work(name: str, on_frame: Callable[..., None]) -> None:
        place = folder.work_folder(name)
        shutil.rmtree(place, ignore_errors=True)
        record = write_part_masks(videos[name], backbone, config, place, on_frame)
        folder.keep(name, place, record, backbone)

    missing = processes.from_leader(
        lambda: {v.name: len(v.frame_names) for v in videos.values() if not folder.is_whole(v)}
    )
    return share_out(missing, work, processes, "segment")


def score_parts(dataset: Dataset, folder: RunFolder) -> PartScores:
    """Score all annotated frames of all videos, the first ones too."""
    overall, videos = PartConfusion(), {}
    for video in dataset.sequences:
        own = videos[video.name] = PartConfusion()
        for frame in video.annotations:
            predicted = read_index_png(folder.masks / video.name / f"{frame}.png")
            own.add(video.read_annotation(frame), predicted)
        overall.matrix += own.matrix
    return PartScores(overall, videos)


def _finish(dataset: Dataset, folder: RunFolder, state: RunState) -> None:
    """Score, and write `results.json`, `table.md` and the report."""
    scores = score_parts(dataset, folder)
    results = results_of(dataset, scores, state.as_json()["settings"], folder.records(dataset))
    write_json(folder.out / RESULTS, results)
    rows = [(row["name"], row["figures"]) for row in results["rows"]]
    with atomic_path(folder.out / TABLE) as beside:
        beside.write_text(side_by_side(VIP, rows, results["data"]), encoding="utf-8")
    state.state = "complete"
    state.write()
    report = folder.out / REPORT
    write_report(report, dataset, folder.masks, run=state.as_json(), results=results)
    for name, value in results["global"].items():
        print(f"{name:<22} {100 * value:6.2f}")
    for what in results["made_with_different"]:
        print(f"note: the videos were made with different {what}; see sequences/*.json")
    print(f"report: {report}")


def results_of(
    dataset: Dataset,
    scores: PartScores,
    settings: Mapping[str, Any],
    records: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Return the contents of `results.json`."""
    figures = scores.overall.figures()
    count = len(dataset.sequences)
    whole = dataset.subset == "val" and count == FULL_SET
    extent = f"VIP, {dataset.subset}, {count} videos"
    return {
        "state": "complete",
        "benchmark": "vip",
        "table": VIP.label,
        "data": extent if whole else f"{extent}; the published figures are of {FULL_SET} of val",
        "dataset": dataset.name,
        "set": dataset.subset,
        "rules": {"classes": len(PARTS), "frames": "all annotated"},
        "metrics": list(figures),
        "global": figures,
        "sequences": [
            {"name": name, "objects": [{"name": name, **_known(own.figures())}]}
            for name, own in scores.videos.items()
        ],
        "results": {
            "iou": _known(dict(zip(PARTS, scores.overall.iou.tolist(), strict=True))),
            "confusion": scores.overall.matrix.tolist(),
        },
        "rows": [{"name": shown_name(settings["backbone"]), "figures": [100 * figures["mIoU"]]}],
        "published": asdict(VIP),
        "speed": speed(records),
        "made_with_different": mixed_origins(records),
    }


def _known(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Replace NaN by None, which JSON knows."""
    return {name: None if np.isnan(value) else value for name, value in figures.items()}
