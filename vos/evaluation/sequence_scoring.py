"""Score the predicted masks of one sequence, frame by frame.

The semi-supervised and the unsupervised protocol of DAVIS 2017 (J. Pont-Tuset et al., arXiv
1704.00675, section 4) and 2019 (S. Caelles et al., arXiv 1905.00737, section 3). One frame's
masks are in memory at a time.

Shape letters: T frames, O objects, P proposals, H W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.datasets.sequence import VideoSequence, look_white
from vos.errors import InputError
from vos.evaluation.j_and_f import accuracy, region_of, similarity
from vos.evaluation.predictions import Predictions, missing_message
from vos.evaluation.rules import ScoringRules
from vos.evaluation.scores import ObjectScore, SequenceScore
from vos.files import shortened
from vos.masks.ids import VOID, present_ids

MAX_PROPOSALS = 20
"""The unsupervised task takes at most this many proposals in a sequence."""


def score_sequence(sequence: VideoSequence, folder: Path, rules: ScoringRules) -> SequenceScore:
    """Score the masks that `folder` holds for a sequence, named as the annotations are.

    Raises:
        InputError: masks are missing, unreadable, of another size, or hold ids that are no
            object, as far as `rules` does not allow it.
    """
    predictions = Predictions(folder, sequence, rules)
    if predictions.missing and rules.missing == "error":
        raise InputError(missing_message([(sequence.name, predictions.missing)], folder.parent))
    score = _semi_supervised if rules.task == "semi-supervised" else _unsupervised
    scores = score(sequence, predictions, rules)
    notes = scores.white
    # DAVIS 2016 draws its objects in white by its definition: there is nothing to say.
    if sequence.values == "white" and sequence.later_objects:
        notes = ("the true masks are white (0 and 255): the object is id 1", *notes)
    return replace(scores, white=notes)


def _semi_supervised(
    sequence: VideoSequence, predictions: Predictions, rules: ScoringRules
) -> SequenceScore:
    scored = rules.scored_frames(sequence)
    first, counted = next(iter(sequence.annotations)), set(scored)
    tracks: dict[int, list[tuple[str, float, float]]] = {}
    strays: dict[str, set[int]] = {}
    shown = 0
    for frame in dict.fromkeys((first, *scored)):
        truth = sequence.read_annotation(frame)
        started = _started(sequence, truth, frame, first)
        if not rules.skips_ends:
            tracks.update({number: [] for number in started if number not in tracks})
        if frame in counted:
            predicted = predictions.read(frame, truth.shape)
            area = 0
            for number, track in tracks.items():
                guess, target = region_of(predicted, number), region_of(truth, number)
                track.append((frame, similarity(guess, target), accuracy(guess, target)))
                area += guess.area
            shown += area
            if cv2.countNonZero(predicted) != area:
                strays[frame] = present_ids(predicted)
        # A frame that shows an object first is its prompt, which counts only if the ends do.
        tracks.update({number: [] for number in started if number not in tracks})
    if not tracks:
        raise _no_object(sequence, first)
    if not shown and _white_alone(strays):
        return _scored_as_white(sequence, predictions, rules, sorted(tracks))
    ignored = _strays(sequence, strays, set(tracks), rules)
    objects = tuple(
        ObjectScore(sequence.name, number, number, None, *_columns(tracks[number]))
        for number in sorted(tracks)
        if tracks[number]
    )
    unscored = tuple(number for number in sorted(tracks) if not tracks[number])
    return SequenceScore(sequence.name, objects, predictions.missing, ignored, unscored)


def _no_object(sequence: VideoSequence, first: str) -> InputError:
    text = f"{sequence.name}: no object in the ground truth's first frame {first}"
    if look_white(sequence.annotations.values()):
        text += (
            ". Its masks are white (0 and 255 alone), where 255 is void: write the object as id 1, "
            "or give the folder of the masks alone in place of the data set's"
        )
    return InputError(text)


def _started(
    sequence: VideoSequence, truth: NDArray[np.uint8], frame: str, first: str
) -> list[int]:
    """Return the objects that this frame may show for the first time."""
    if sequence.starts is not None:
        return sorted(n for n, start in sequence.starts.items() if start == frame)
    if frame == first or sequence.later_objects:
        return sorted(present_ids(truth) - {VOID})
    return []


def _white_alone(present: dict[str, set[int]]) -> bool:
    """Whether the only value of all predictions is that of void: objects drawn in white."""
    return set().union(*present.values()) == {VOID}


def _scored_as_white(
    sequence: VideoSequence, predictions: Predictions, rules: ScoringRules, objects: list[int]
) -> SequenceScore:
    """Score predictions of 0 and 255 alone on the sequence's only object.

    Raises:
        InputError: it has several objects, which white masks cannot tell apart.
    """
    if len(objects) > 1:
        raise InputError(
            f"sequence {sequence.name}: the predicted masks are white (0 and 255 alone), and the "
            f"sequence has the objects {shortened(objects, 30)}. Write each object with its id as "
            "the pixel value, 0 for background."
        )
    predictions.white_id = objects[0]
    score = _semi_supervised(sequence, predictions, rules)
    note = f"the predicted masks are white (0 and 255): taken as object {objects[0]}"
    return replace(score, white=(note,))


def _columns(
    rows: list[tuple[str, float, float]],
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    frames, j, f = zip(*rows, strict=True)
    return frames, np.array(j), np.array(f)


def _strays(
    sequence: VideoSequence, present: dict[str, set[int]], objects: set[int], rules: ScoringRules
) -> tuple[int, ...]:
    """Return the predicted ids that are no objects, or raise as the rules say."""
    strays = {frame: sorted(ids - objects) for frame, ids in present.items() if ids - objects}
    if strays and rules.extra_objects == "error":
        where = [f"frame {frame}: ids {shortened(ids)}" for frame, ids in strays.items()]
        raise InputError(
            f"sequence {sequence.name}: predicted ids that are no object of it ("
            f"{'; '.join(where[:5])}{'; ...' if where[5:] else ''}). Its objects are "
            f"{shortened(sorted(objects), 30)}; pixel values must be these ids or 0. Correct the "
            "masks, or count other ids as background (--extra-objects ignore)."
        )
    return tuple(sorted(set().union(*strays.values())))


def _unsupervised(
    sequence: VideoSequence, predictions: Predictions, rules: ScoringRules
) -> SequenceScore:
    frames = rules.scored_frames(sequence)
    first = next(iter(sequence.annotations))
    pairs = _Pairs(len(frames))
    strays: dict[str, set[int]] = {}
    for t, frame in enumerate(dict.fromkeys((first, *frames)), start=-1 if rules.skips_ends else 0):
        truth = sequence.read_annotation(frame)
        pairs.objects.update(_started(sequence, truth, frame, first))
        if t >= 0:
            predicted = predictions.read(frame, truth.shape)
            if VOID in present_ids(predicted):
                strays[frame] = {VOID}
                predicted = np.where(predicted == VOID, np.uint8(0), predicted)
            # Void is ignored: neither mask has anything there.
            pairs.compare(t, truth, np.where(truth == VOID, np.uint8(0), predicted))
    if not pairs.objects:
        raise _no_object(sequence, first)
    if not pairs.proposals and _white_alone(strays):
        predictions.white_id = 1
        note = "the predicted masks are white (0 and 255): taken as proposal 1"
        return replace(_unsupervised(sequence, predictions, rules), white=(note,))
    proposals = sorted(pairs.proposals)
    if len(proposals) > MAX_PROPOSALS:
        raise InputError(
            f"sequence {sequence.name}: {len(proposals)} proposals ({shortened(proposals, 30)}); "
            f"the unsupervised task takes at most {MAX_PROPOSALS}. Keep the best ones."
        )
    ignored = _strays(sequence, strays, set(proposals), rules)
    objects = tuple(_matched(sequence.name, tuple(frames), pairs, proposals))
    return SequenceScore(sequence.name, objects, predictions.missing, ignored)


class _Pairs:
    """J and F of each object with each proposal in each frame."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self.objects: set[int] = set()
        self.proposals: set[int] = set()
        self._scores: dict[tuple[int, int], NDArray[np.float64]] = {}
        self._empty: dict[tuple[str, int], NDArray[np.bool_]] = {}

    def compare(self, t: int, truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> None:
        """Score what is in frame t."""
        proposals = {n: region_of(predicted, n) for n in present_ids(predicted)}
        objects = {n: region_of(truth, n) for n in present_ids(truth) & self.objects}
        self.proposals.update(proposals)
        for side, regions in (("object", objects), ("proposal", proposals)):
            for number, region in regions.items():
                self._emptiness(side, number)[:, t] = region.area == 0, region.length == 0
        for object_id, target in objects.items():
            for proposal, guess in proposals.items():
                unknown = np.full((2, self._frames), np.nan)
                scores = self._scores.setdefault((object_id, proposal), unknown)
                scores[:, t] = similarity(guess, target), accuracy(guess, target)

    def _emptiness(self, side: str, number: int) -> NDArray[np.bool_]:
        """(2, T): where an object or proposal has no pixel, and no boundary."""
        return self._empty.setdefault((side, number), np.ones((2, self._frames), bool))

    def scores(self, number: int, proposal: int | None) -> NDArray[np.float64]:
        """Return J and F (2, T) of an object with a proposal; None is one that is always empty.

        Where one of the two is not in the frame, they agree if the other is empty as well.
        """
        no_object = self._emptiness("object", number)
        always = np.ones_like(no_object)
        no_proposal = always if proposal is None else self._emptiness("proposal", proposal)
        unknown = np.full((2, self._frames), np.nan)
        known = unknown if proposal is None else self._scores.get((number, proposal), unknown)
        return np.where(np.isnan(known), no_object & no_proposal, known)


def _matched(
    name: str, frames: tuple[str, ...], pairs: _Pairs, proposals: list[int]
) -> Iterator[ObjectScore]:
    """Give each object the proposal that makes the sum of their mean J&F the largest.

    The objects come in the order of their proposals, which is how the official report numbers
    them. Objects beyond the number of proposals are matched to empty ones.
    """
    from scipy.optimize import linear_sum_assignment

    objects = sorted(pairs.objects)
    padded = [*proposals, *[None] * (len(objects) - len(proposals))]
    scores = [[pairs.scores(number, proposal) for number in objects] for proposal in padded]
    means = np.array([[(j.mean() + f.mean()) / 2 for j, f in row] for row in scores])
    rows, columns = linear_sum_assignment(-means)
    for place, (row, column) in enumerate(zip(rows, columns, strict=True), start=1):
        j, f = scores[row][column]
        yield ObjectScore(name, objects[column], place, padded[row], frames, j, f)
