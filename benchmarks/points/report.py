"""The report of a run on points: one page with its pictures inside.

Shape letters: T frames, Q queries.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.points.protocol import PointProtocol, PointScores
from benchmarks.reporting import html
from vos.datasets.points.point_video import PointVideo
from vos.tracking.tracks import Tracks
from vos.visualization.skeletons import draw_joints, draw_truth
from vos.visualization.tracks import draw_tracks

_WORST = 4
_PICTURES = 3
_WIDTH = 640


def write_report(
    path: Path,
    protocol: PointProtocol,
    tracks: Mapping[str, Tracks],
    scores: PointScores,
    *,
    run: Mapping[str, Any],
    results: Mapping[str, Any],
) -> None:
    """Write a run's report.

    Args:
        path: the HTML file.
        protocol: the benchmark, on its set.
        tracks: predicted tracks by video.
        scores: the run's figures.
        run: the contents of `run.json`.
        results: the contents of `results.json`.
    """
    dataset = protocol.dataset
    title = f"{dataset.name}, {dataset.subset}: {results['rows'][0]['name']}"
    under = f"{len(dataset.videos)} videos, {dataset.frame_count} frames, {run['written']}"
    parts = [
        html.heading(title, under),
        html.tiles({name: _text(value) for name, value in scores.overall.items()}),
        html.section("Beside the published figures", *_published(protocol, results)),
        html.section("Videos", _videos(scores)),
        html.section("Pictures of the worst videos", *_pictures(protocol, tracks, scores)),
        html.section("Settings", *_settings(run, results)),
    ]
    html.write_page(path, title, parts)


def _text(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.1f}"


def _published(protocol: PointProtocol, results: Mapping[str, Any]) -> list[str]:
    published = protocol.published
    rows = [[f"this run: {row['name']}", *map(_text, row["figures"])] for row in results["rows"]]
    rows += [[name, *map(_text, figures)] for name, figures in published.rows]
    parts = [
        html.paragraph(f"{published.label}: {published.title}. This run: {results['data']}.",
                       "faint"),
        html.table(["", *published.columns], rows, ours=range(len(results["rows"]))),
    ]  # fmt: skip
    if len(protocol.dataset.videos) != protocol.full_set:
        parts.insert(
            0,
            html.paragraph(
                f"This run is on {len(protocol.dataset.videos)} videos; the published figures are "
                f"of {protocol.full_set}. They only give an orientation.",
                "note",
            ),
        )
    return parts


def _videos(scores: PointScores) -> str:
    rows = [[name, *map(_text, figures.values())] for name, figures in scores.videos.items()]
    return html.table(["", *scores.overall], rows)


def _pictures(
    protocol: PointProtocol, tracks: Mapping[str, Tracks], scores: PointScores
) -> list[str]:
    """Draw some frames of those videos whose headline figure is lowest."""
    headline = next(iter(scores.overall))
    known = {n: f[headline] for n, f in scores.videos.items() if not np.isnan(f[headline])}
    worst = sorted(known, key=lambda name: known[name])[:_WORST]
    videos = {video.name: video for video in protocol.dataset.videos}
    parts = [
        html.paragraph(
            "Discs: predicted positions; thin rings: predicted as occluded. White rings: true "
            "positions, with a line to the predicted one.",
            "faint",
        )
    ]
    for name in worst:
        parts.append(f"<h3>{escape(name)}: {headline} {known[name]:.1f}</h3>")
        parts.append(
            html.grid(
                html.picture(picture, f"frame {t}")
                for t, picture in video_pictures(protocol, videos[name], tracks[name])
            )
        )
    return parts


def video_pictures(
    protocol: PointProtocol, video: PointVideo, tracks: Tracks, width: int = _WIDTH
) -> list[tuple[int, NDArray[np.uint8]]]:
    """Draw the tracks and the truth over frames in which it is known, spread over the video.

    Returns:
        Frame numbers, and pictures RGB uint8 of `width` columns.
    """
    true, visible = protocol.truth(video)
    known = np.flatnonzero(visible.any(0))
    known = known[known > 0] if (known > 0).any() else known
    chosen = known[np.linspace(0, len(known) - 1, min(_PICTURES, len(known))).round().astype(int)]
    frames = protocol.frames(video)
    skeleton = protocol.dataset.skeleton
    # Joints that are annotated in no frame start in a corner; lines to them would hide the rest.
    annotated = np.asarray(visible.any(1))[:, None, None]  # (Q, 1, 1)
    pictures = []
    for t in chosen.tolist():
        frame = frames[t]
        scale = width / frame.shape[1]
        size = (width, round(frame.shape[0] * scale))
        large = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
        truth = np.where(visible[:, t, None], true[:, t], np.nan) * scale  # (Q, 2)
        xy = np.where(annotated, tracks.xy * scale, np.nan)  # (Q, T, 2)
        seen = tracks.visible  # (Q, T)
        if skeleton:
            drawn = draw_joints(large, xy[:, t], seen[:, t], skeleton, truth)
        else:
            tails = np.where(seen[..., None], xy, np.nan)[:, :t].transpose(1, 0, 2)
            drawn = draw_truth(large, xy[:, t], truth)
            drawn = draw_tracks(drawn, xy[:, t], seen[:, t], list(tails))
        pictures.append((t, drawn))
    return pictures


def _settings(run: Mapping[str, Any], results: Mapping[str, Any]) -> list[str]:
    speed = results["speed"]
    machines: Sequence[Any] = run["machines"]
    rate = speed["frames_per_second"]
    provenance = {
        "command": shlex.join(run["command"]),
        "code revision": run["revision"],
        "versions": run["versions"],
        "processes": run["processes"],
        "machines": [m for i, m in enumerate(machines) if m not in machines[:i]],
        "started": run["started"],
        "frames per second": "not measured" if rate is None else f"{rate:.2f}",
    }
    if results["made_with_different"]:
        provenance["not the same for all videos"] = results["made_with_different"]
    parts = [
        f"<div><h3>{escape(title.capitalize())}</h3>{html.settings_table(values)}</div>"
        for title, values in (*run["settings"].items(), ("run", provenance))
    ]
    return [html.grid(parts)]
