"""The loop on one video: propagate, score, one click on the worst frame, and again.

Shapes: H W pixels.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.clicks.protocol import MARKS, next_click, overlap
from vos.backbones.backbone import Backbone
from vos.datasets.sequence import VideoSequence
from vos.evaluation.j_and_f import statistics
from vos.evaluation.rules import ScoringRules
from vos.evaluation.scores import SequenceScore
from vos.evaluation.sequence_scoring import score_sequence
from vos.interactive.click_segmenter import ClickSegmenter
from vos.interactive.prompts import Click
from vos.masks.ids import VOID
from vos.masks.io import read_index_png
from vos.propagation.config import Mode, PropagationConfig
from vos.segmentation.options import OutputOptions, PassOptions
from vos.segmentation.run_folder import MASKS
from vos.segmentation.segment import segment_video
from vos.video.images import read_image

Mask = NDArray[np.bool_]
_ALL_FRAMES = ScoringRules(first_last="keep")


@dataclass(frozen=True)
class RoundRules:
    """How the loop goes; part of a run's settings."""

    rounds: int
    """Corrections."""
    first: Literal["given", "clicks"]
    """Whether the first masks are given or made of clicks."""
    first_clicks: int
    """Clicks on each object at most that make its first mask."""
    modes: tuple[Mode, ...]
    """Modes of the propagation, each measured by itself."""
    short_side: int
    """Pixels of the shorter side of what the network sees; 0 for the frame's own."""
    clicks: int = 1
    """Clicks of a correction at most."""


@dataclass
class _Clicked:
    """The clicks on an object in a frame, and the mask that they correct, None of nothing."""

    base: Mask | None
    clicks: list[Click] = field(default_factory=list)


class CorrectionLoop:
    """Rounds on one sequence in one mode.

    Args:
        sequence: with frames and masks.
        backbone: gives the features.
        config: the propagation's numbers.
        rules: how the loop goes.
        work: a folder for the masks of a round.
    """

    def __init__(
        self,
        sequence: VideoSequence,
        backbone: Backbone,
        config: PropagationConfig,
        rules: RoundRules,
        work: Path,
    ) -> None:
        self._sequence = sequence
        self._backbone = backbone
        self._config = config
        self._rules = rules
        self._work = work
        self._images = {path.stem: path for path in sequence.frames}
        self._prompts: dict[str, NDArray[np.uint8]] = {}  # (H, W) of ids by frame
        self._clicked: dict[tuple[str, int], _Clicked] = {}

    def run(self, on_round: Callable[[], None]) -> list[dict[str, Any]]:
        """Return the outcome of each round, of round 0 first; fewer where nothing is left to click.

        Raises:
            InputError: a frame or mask cannot be used.
        """
        self._start()
        outcomes: list[dict[str, Any]] = []
        correction: dict[str, Any] | None = None
        while True:
            self._propagate()
            score = score_sequence(self._sequence, self._work / MASKS, _ALL_FRAMES)
            outcomes.append({"objects": _figures(score), "correction": correction})
            on_round()
            if len(outcomes) > self._rules.rounds:
                break
            correction = self._correct(score)
            if correction is None:
                break
        shutil.rmtree(self._work)
        return outcomes

    def _start(self) -> None:
        """Make the first prompts."""
        for frame, numbers in self._sequence.prompts.items():
            given = self._sequence.read_prompt(frame)
            if self._rules.first == "given":
                self._prompts[frame] = given
                continue
            ids = self._sequence.read_annotation(frame)
            segmenter = self._segmenter(frame)
            for number in numbers:
                mask = self._clicked_mask(segmenter, frame, number, ids)
                self._set_prompt(frame, number, mask)

    def _clicked_mask(
        self, segmenter: ClickSegmenter, frame: str, number: int, ids: NDArray[np.uint8]
    ) -> Mask:
        """Return an object's first mask, made of clicks."""
        truth, valid = ids == number, ids != VOID
        clicked = self._clicked[frame, number] = _Clicked(None)
        mask = np.zeros_like(truth)
        for _ in range(self._rules.first_clicks):
            click = _next_click(clicked.clicks, truth, mask, valid)
            if click is None or overlap(truth, mask, valid) >= MARKS[-1]:
                break
            clicked.clicks.append(click)
            mask = segmenter.mask(clicked.clicks)
        return mask

    def _propagate(self) -> None:
        """Make the masks of all frames from the prompts, as `vos segment` does."""
        names = self._sequence.frame_names
        segment_video(
            self._sequence.frames,
            {names.index(frame): ids for frame, ids in self._prompts.items()},
            self._work,
            backbone=self._backbone,
            config=self._config,
            outputs=OutputOptions(overlay=False),
            passes=PassOptions("both"),
            overwrite=True,
        )

    def _with_clicks(
        self, frame: str, clicked: _Clicked, truth: Mask, mask: Mask, valid: Mask
    ) -> tuple[_Clicked, Mask]:
        """Return more clicks on an object in a frame, and the mask that all of them give."""
        segmenter = self._segmenter(frame)
        clicks = list(clicked.clicks)
        for number in range(self._rules.clicks):
            click = _next_click(clicks, truth, mask, valid)
            if click is None or (number and overlap(truth, mask, valid) >= MARKS[-1]):
                break
            clicks.append(click)
            mask = segmenter.mask(clicks, clicked.base)
        return _Clicked(clicked.base, clicks), mask

    def _correct(self, score: SequenceScore) -> dict[str, Any] | None:
        """Put clicks on the object and frame with the lowest J, and make its mask a prompt.

        Where the mask would be empty, the next worst is taken: a prompt cannot say that an object
        is not there.
        """
        ranked = sorted(
            (float(j), frame, o.object_id)
            for o in score.objects
            for frame, j in zip(o.frames, o.j_frames, strict=True)
            if j < 1
        )
        for j, frame, number in ranked:
            ids = self._sequence.read_annotation(frame)
            truth, valid = ids == number, ids != VOID
            current = read_index_png(self._work / MASKS / f"{frame}.png") == number
            clicked = self._clicked.get((frame, number), _Clicked(current))
            before = len(clicked.clicks)
            clicked, mask = self._with_clicks(frame, clicked, truth, current, valid)
            if len(clicked.clicks) == before or not mask.any():
                continue
            self._clicked[frame, number] = clicked
            self._set_prompt(frame, number, mask)
            return {
                "frame": frame,
                "object": number,
                "clicks": [asdict(click) for click in clicked.clicks[before:]],
                "j_before": j,
                "j_after": overlap(truth, mask, valid),
            }
        return None

    def _set_prompt(self, frame: str, number: int, mask: Mask) -> None:
        """Give an object its mask (H, W) in a frame's prompt; it lies over the others'."""
        ids = self._prompts.setdefault(frame, np.zeros(mask.shape, np.uint8))
        ids[ids == number] = 0
        ids[mask] = number

    def _segmenter(self, frame: str) -> ClickSegmenter:
        image = read_image(self._images[frame])
        features = self._backbone.features(
            image, short_side=self._config.short_side, size_multiple=self._config.size_multiple
        )
        return ClickSegmenter(image, features=features.patches[0, 0])


def _next_click(clicks: list[Click], truth: Mask, mask: Mask, valid: Mask) -> Click | None:
    """Return the next click where there were some already."""
    allowed = valid.copy()
    for click in clicks:
        allowed[click.y, click.x] = False
    return next_click(truth, mask & valid, allowed)


def _figures(score: SequenceScore) -> dict[str, dict[str, float]]:
    """Return each object's mean J and F; the first and the last frame do not count, as in DAVIS."""
    return {
        str(o.object_id): {
            "J": statistics(o.j_frames[1:-1]).mean,
            "F": statistics(o.f_frames[1:-1]).mean,
            "worst_J": float(np.nanmin(o.j_frames)),
        }
        for o in score.objects
    }
