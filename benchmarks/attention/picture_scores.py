"""Scores of pictures: computed, kept as they come so that a stopped run goes on, and summed up.

Shapes: A heads, M true masks.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attention.attention_masks import attention_jaccards
from benchmarks.attention.masked_images import MaskedPicture
from vos.backbones.backbone import Backbone
from vos.errors import InputError
from vos.runtime.distributed import Team
from vos.runtime.progress import progress


@dataclass(frozen=True)
class PictureScores:
    """A picture's Jaccard similarities."""

    name: str
    groups: list[str]
    """What each true mask counts for: its class, or the picture's sequence; (M,)."""
    jaccards: list[list[float]]
    """(M, A) from 0 to 1; empty where the picture has no object; such pictures do not count."""

    @property
    def best(self) -> list[float]:
        """Similarity of each true mask with its best head, (M,)."""
        return [max(heads) for heads in self.jaccards]


def score_pictures(
    pictures: Sequence[MaskedPicture],
    backbone: Backbone,
    team: Team,
    journal: Journal,
    *,
    mass: float,
    short_side: int,
) -> list[PictureScores]:
    """Return the scores of all pictures, those of a stopped run included."""
    known = team.from_leader(journal.read_all)
    missing = [p for p in pictures if p.name not in known][team.rank :: team.size]
    own = []
    with progress("attention", len(missing), "pictures") as advance:
        for picture in missing:
            pixels, ids = picture.read()
            jaccards = attention_jaccards(backbone, pixels, ids, mass, short_side)
            own.append(PictureScores(picture.name, picture.groups(ids), jaccards))
            journal.add(own[-1])
            advance(note=picture.name)
    for part in team.gather(own):
        known |= {score.name: score for score in part}
    return [known[picture.name] for picture in pictures]


def summary(scores: Sequence[PictureScores]) -> dict[str, Any]:
    """Return means over pictures: of each mask's best head, by group, and of one head for all.

    Raises:
        InputError: no picture has an object.
    """
    counted = [score for score in scores if score.jaccards]
    if not counted:
        raise InputError(f"none of {len(scores)} pictures has an object in its mask")
    groups: Mapping[str, list[float]] = defaultdict(list)
    for score in counted:
        for group, best in zip(score.groups, score.best, strict=True):
            groups[group].append(best)
    by_head = np.mean([np.mean(score.jaccards, axis=0) for score in counted], axis=0)
    return {
        "pictures": len(counted),
        "pictures_without_object": len(scores) - len(counted),
        "jaccard": float(np.mean([np.mean(score.best) for score in counted])),
        "by_group": {name: float(np.mean(values)) for name, values in sorted(groups.items())},
        "by_head": by_head.tolist(),
        "single_head": int(by_head.argmax()),
        "single_head_jaccard": float(by_head.max()),
    }


class Journal:
    """The scores so far, a line a picture, one file a process; a half-written line is passed over.

    Lines of other data, weights or settings are passed over too.
    """

    def __init__(self, out: Path, identity: str, rank: int) -> None:
        self._out, self._identity = out, identity
        self._path = out / f"pictures-{rank}.jsonl"

    def read_all(self) -> dict[str, PictureScores]:
        """Return what all processes of stopped runs have left, by picture."""
        scores: dict[str, PictureScores] = {}
        for path in sorted(self._out.glob("pictures-*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                    if entry.pop("identity") == self._identity:
                        scores[entry["name"]] = PictureScores(**entry)
                except (ValueError, KeyError, TypeError, AttributeError):
                    continue
        return scores

    def add(self, score: PictureScores) -> None:
        """Append a picture's scores."""
        with self._path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps({"identity": self._identity, **asdict(score)}) + "\n")
