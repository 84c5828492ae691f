"""The plots of the DAVIS reports.

Shape letters: T frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vos.evaluation.scores import ObjectScore, SequenceScore
from vos.masks.palette import DAVIS_PALETTE

J_COLOR, F_COLOR = "#2b6cb0", "#e08a2e"
_BETTER, _WORSE = "#2f855a", "#c53030"
_INK, _GRID = "#1d2733", "#d9dfe5"
_BAR_INCHES = 0.32
_MARGIN_INCHES = 0.75


def score_bars(objects: Sequence[ObjectScore]) -> Figure:
    """Draw mean J and F of each object as bars, the best object first."""
    ordered = sorted(objects, key=lambda o: -o.jf_mean)
    figure, axes = _rows_of_bars(len(ordered))
    rows = np.arange(len(ordered))
    for shift, label, color, values in (
        (-0.2, "J", J_COLOR, [o.j.mean for o in ordered]),
        (0.2, "F", F_COLOR, [o.f.mean for o in ordered]),
    ):
        axes.barh(rows + shift, values, 0.38, color=color, label=label)
        for row, value in enumerate(values):
            axes.text(value + 0.006, row + shift, f"{value:.3f}", va="center", size=7, color=_INK)
    axes.set_yticks(rows, [o.name for o in ordered])
    axes.set_xlim(0, 1.06)
    axes.set_xticks(np.linspace(0, 1, 6))
    _legend_above(figure, axes)
    return figure


def difference_bars(names: Sequence[str], differences: Sequence[float]) -> Figure:
    """Draw a difference for each object as a bar from 0, in the order given."""
    figure, axes = _rows_of_bars(len(names))
    rows = np.arange(len(names))
    colors = [_BETTER if value > 0 else _WORSE for value in differences]
    axes.barh(rows, differences, 0.7, color=colors)
    reach = max(0.01, *(abs(value) for value in differences)) * 1.25
    for row, value in enumerate(differences):
        side = 1 if value >= 0 else -1
        place = value + side * reach * 0.015
        align = "left" if side > 0 else "right"
        axes.text(place, row, f"{value:+.3f}", va="center", ha=align, size=7, color=_INK)
    axes.axvline(0, color=_INK, linewidth=0.8)
    axes.set_yticks(rows, list(names))
    axes.set_xlim(-reach, reach)
    return figure


def score_curves(sequence: SequenceScore, frame_names: Sequence[str]) -> Figure:
    """Draw J (solid) and F (dashed) of each object of a sequence against the frame's number."""
    figure = Figure(figsize=(5.6, 2.5), layout="constrained")
    axes = figure.add_subplot()
    numbers = {name: number for number, name in enumerate(frame_names)}
    single = len(sequence.objects) == 1
    for score in sequence.objects:
        frames = [numbers[frame] for frame in score.frames]
        own = tuple(DAVIS_PALETTE[score.object_id] / 255)
        label = "" if single else f" {score.object_id}"
        colors = (J_COLOR, F_COLOR) if single else (own, own)
        axes.plot(frames, score.j_frames, color=colors[0], linewidth=1.3, label=f"J{label}")
        style = "-" if single else (0, (3, 1.5))
        axes.plot(
            frames, score.f_frames, color=colors[1], linewidth=1.1, linestyle=style,
            label=f"F{label}",
        )  # fmt: skip
    axes.set_ylim(0, 1.02)
    axes.set_xlim(0, max(len(frame_names) - 1, 1))
    axes.set_title(f"{sequence.name}   J&F {sequence.jf_mean:.3f}", size=9, loc="left", color=_INK)
    axes.set_xlabel("frame", size=8)
    axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=7,
        ncols=1 if len(sequence.objects) < 5 else 2, columnspacing=0.8, handlelength=1.6,
    )  # fmt: skip
    _plain(axes, "both")
    return figure


def _rows_of_bars(count: int) -> tuple[Figure, Axes]:
    """Make a figure with a row for each object, the first on top."""
    figure = Figure(figsize=(9.5, count * _BAR_INCHES + _MARGIN_INCHES), layout="constrained")
    axes = figure.add_subplot()
    axes.set_ylim(count - 0.5, -0.5)
    _plain(axes, "x")
    return figure, axes


def _plain(axes: Axes, grid: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_GRID)
    axes.tick_params(labelsize=8, color=_GRID, labelcolor=_INK)
    axes.grid(visible=True, axis=grid, color=_GRID, linewidth=0.6)  # type: ignore[arg-type]
    axes.set_axisbelow(True)


def _legend_above(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=8)
