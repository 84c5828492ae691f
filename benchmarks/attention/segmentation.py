"""`vos-bench attention-segmentation`: class-token attention as a mask (Caron et al. 2021, Fig. 4).

How the published figures were made is told by the first author at
github.com/facebookresearch/dino/issues/54: each true mask takes its best head, a picture's score
is the mean over its masks, and the result the mean over pictures.

Shapes: A heads, M true masks, H W pixels, h w patches.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from benchmarks.attention.masked_images import MaskedPicture, object_ids, open_pictures
from benchmarks.features.options import FeatureOptions
from benchmarks.features.run_identity import later_options
from benchmarks.reporting.benchmark_run import benchmark_run, shown_name
from benchmarks.reporting.published_figures import ATTENTION
from vos.backbones.backbone import Backbone, weights_digest
from vos.backbones.input_size import DEFAULT_SHORT_SIDE
from vos.errors import InputError
from vos.features.attention import top_mass
from vos.runtime.devices import precision_name, resolve_device
from vos.runtime.distributed import Team, team
from vos.runtime.progress import progress

_COUNTED = ("set", "mass", "short_side")


# The data count by their path, weights and precision by their own values.
_NOT_COUNTED = ("data", "out", "every", "extraction")


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


@dataclass(frozen=True)
class AttentionSegmentation:
    """Compare what the class token attends to with true masks (Figure 4).

    For each head, the patches that carry --mass of the attention are its mask. Each true mask, a
    class of VOC or an object of DAVIS, is compared with the best head's; the result is the mean
    over the masks of a picture, then over pictures. Run again after a stop, it goes on.
    """

    data: Path
    """PASCAL VOC 2012 (JPEGImages, SegmentationClass, ImageSets/Segmentation), or DAVIS."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder to write run.json, results.json and table.md to."""
    set: str = "val"
    """The set: val, train, ..."""
    mass: float = 0.6
    """Share of the attention that a mask keeps."""
    short_side: int = DEFAULT_SHORT_SIDE
    """Pixels of the shorter side of what the network sees; 0 keeps the picture's size."""
    every: int = 1
    """Take one in so many pictures; of DAVIS, one in so many annotated frames."""
    extraction: FeatureOptions = field(default_factory=FeatureOptions)

    def run(self) -> int:
        """Compute attention, compare, and write the scores."""
        if not 0 < self.mass <= 1:
            raise InputError(f"mass is {self.mass}; expected a share above 0 and at most 1")
        with team() as processes:
            device = resolve_device(processes.device(self.extraction.backbone.device))
            settings = asdict(self)
            with benchmark_run(
                "attention-segmentation", self.out, settings, device, processes
            ) as run:
                pictures = open_pictures(self.data, self.set, self.every)
                backbone = self.extraction.load(processes)
                if not backbone.has_class_attention:
                    raise InputError(
                        f"{backbone.record.name} has no class token whose attention is known; "
                        "give a DINO ViT, by name or by --weights"
                    )
                settings["weights"] = backbone.describe()
                scores = self._all_scores(pictures, backbone, processes)
                if processes.leads:
                    results = summary(scores)
                    row = (
                        f"{shown_name(settings['weights'])}, this run",
                        (100 * results["jaccard"],),
                    )
                    data = f"{results['pictures']} pictures of {self.data.name}, set {self.set}"
                    table = run.finish(results, [row], ATTENTION, data)
                    for group, value in results["by_group"].items():
                        print(f"{group}: {100 * value:.1f}")
                    print(
                        f"mean {100 * results['jaccard']:.2f}; one head for all (head "
                        f"{results['single_head']}): {100 * results['single_head_jaccard']:.2f}"
                    )
                    print(f"\n{table}", end="")
        return 0

    def _all_scores(
        self, pictures: Sequence[MaskedPicture], backbone: Backbone, processes: Team
    ) -> list[PictureScores]:
        """Return the scores of all pictures, those of a stopped run included."""
        journal = Journal(self.out, self.identity(backbone), processes.rank)
        known = processes.from_leader(journal.read_all)
        todo = [p for p in pictures if p.name not in known][processes.rank :: processes.size]
        own = []
        with progress("attention", len(todo), "pictures") as advance:
            for picture in todo:
                own.append(self._score(picture, backbone))
                journal.add(own[-1])
                advance(note=picture.name)
        for part in processes.gather(own):
            known |= {score.name: score for score in part}
        return [known[picture.name] for picture in pictures]

    def identity(self, backbone: Backbone) -> str:
        """Return a digest of all that scores of a stopped run must share with this one's."""
        values = [str(self.data.resolve()), *(getattr(self, name) for name in _COUNTED)]
        values += later_options(self, (*_COUNTED, *_NOT_COUNTED)).items()
        made_with = (weights_digest(backbone), precision_name(backbone.dtype))
        return hashlib.sha256(repr((tuple(values), made_with)).encode()).hexdigest()

    def _score(self, picture: MaskedPicture, backbone: Backbone) -> PictureScores:
        pixels, ids = picture.read()
        jaccards = attention_jaccards(backbone, pixels, ids, self.mass, self.short_side)
        return PictureScores(picture.name, picture.groups(ids), jaccards)


@torch.no_grad()
def attention_jaccards(
    backbone: Backbone,
    pixels: NDArray[np.uint8],
    ids: NDArray[np.uint8],
    mass: float,
    short_side: int = DEFAULT_SHORT_SIDE,
) -> list[list[float]]:
    """Return each head's Jaccard similarity with each object of a picture.

    Args:
        backbone: one with class attention, a DINO ViT.
        pixels: RGB uint8 (H, W, 3).
        ids: uint8 (H, W); 0 is background, 255 void, which belongs to no object.
        mass: share of the attention that a mask keeps.
        short_side: pixels of the shorter side of what the network sees.

    Returns:
        (M, A) from 0 to 1, the objects in the order of their ids.
    """
    objects = object_ids(ids)
    if not objects:
        return []
    inputs = backbone.preprocess(pixels, short_side=short_side, size_multiple=backbone.stride)
    attention = backbone.class_attention(inputs)[0].cpu()
    kept = top_mass(attention.flatten(1), mass).view_as(attention)
    masks = masks_at_size(kept, (ids.shape[0], ids.shape[1]))
    return [head_jaccards(masks, torch.from_numpy(ids == number)).tolist() for number in objects]


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
        found: dict[str, PictureScores] = {}
        for path in sorted(self._out.glob("pictures-*.jsonl")):
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    held = json.loads(line)
                    if held.pop("identity") == self._identity:
                        found[held["name"]] = PictureScores(**held)
                except (ValueError, KeyError, TypeError, AttributeError):
                    continue
        return found

    def add(self, score: PictureScores) -> None:
        """Append a picture's scores."""
        with self._path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps({"identity": self._identity, **asdict(score)}) + "\n")


def masks_at_size(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring masks of patches to pixels, nearest: (A, h, w) bool -> (A, H, W) bool."""
    return F.interpolate(masks[None].float(), size=size, mode="nearest")[0] > 0


def head_jaccards(masks: Tensor, truth: Tensor) -> Tensor:
    """Return each head's Jaccard similarity with a true mask.

    Args:
        masks: (A, H, W) bool.
        truth: (H, W) bool.

    Returns:
        (A,) float64; 1 where both are empty.
    """
    intersection = (masks & truth).sum((1, 2)).double()
    union = (masks | truth).sum((1, 2)).double()
    return torch.where(union > 0, intersection / union.clamp(min=1), torch.ones_like(union))
