"""Folders of the field's benchmarks as sequences: DAVIS, YouTube-VOS, MOSE, LVOS, and plain ones.

DAVIS 2016 (F. Perazzi et al.), DAVIS 2017 (J. Pont-Tuset et al., arXiv 1704.00675), DAVIS 2019
unsupervised (S. Caelles et al., arXiv 1905.00737), YouTube-VOS (N. Xu et al., arXiv 1809.03327).
What is missing is found when a folder is opened, and said all at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vos.errors import InputError
from vos.files import files_by_name, natural_key, shortened
from vos.sequences import IMAGE_SUFFIXES, Sequence, Task, Values, looks_white

_WAYS_OUT = {
    "DAVIS": "Download from https://davischallenge.org/davis2017/code.html (DAVIS 2016: "
    "https://davischallenge.org/davis2016/code.html)",
    "split": "Download from the dataset's own page the images and annotations of this split",
    "plain": "Give a dataset's folder, or one that holds a folder of PNG masks for each sequence",
}
_SPLIT_NAMES = {"val": ("val", "valid", "validation"), "valid": ("valid", "val", "validation")}


@dataclass(frozen=True)
class Dataset:
    """The sequences of one set of a benchmark."""

    name: str
    """The benchmark, such as "DAVIS 2017"."""
    root: Path
    subset: str
    """The set's name, such as "val"; "all" for a plain folder."""
    sequences: tuple[Sequence, ...]

    @property
    def frame_count(self) -> int:
        """Frames in all sequences."""
        return sum(len(sequence.frame_names) for sequence in self.sequences)


def load_dataset(
    root: str | Path,
    subset: str = "val",
    *,
    task: Task = "semi-supervised",
    year: int = 2017,
    resolution: str = "480p",
    sequences: Iterable[str] = (),
    images: bool = True,
) -> Dataset:
    """Open a benchmark's folder; its layout is recognised.

    Args:
        root: a DAVIS folder (with ImageSets); a YouTube-VOS, MOSE or LVOS folder (JPEGImages and
            Annotations, directly or in a folder for each split); or a folder of sequences, each
            a folder of PNG masks. A folder of PNG masks is one sequence.
        subset: the set: train, val, test-dev and so on.
        task: unsupervised takes the annotations of DAVIS 2019 (Annotations_unsupervised).
        year: 2016 makes all objects of a DAVIS sequence one.
        resolution: of DAVIS: 480p, Full-Resolution (2017) or 1080p (2016).
        sequences: names of the sequences to take; empty takes all of the set.
        images: the frames are needed too, not the masks alone.

    Raises:
        InputError: something is missing; the message lists all of it, and where to get it.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder. Give a dataset's folder or a folder of masks.")
    wanted = tuple(sequences)
    if (root / "ImageSets").is_dir():
        dataset = _davis(_Davis(root, subset, task, year, resolution), wanted)
        kind = "DAVIS"
    elif split := _split_folder(root, subset):
        dataset = _split(split, subset, wanted)
        kind = "split"
    else:
        dataset = _plain(root, wanted)
        kind = "plain"
    problems = [f"{s.name}: no annotations" for s in dataset.sequences if not s.annotations]
    if images:
        problems = [text for s in dataset.sequences for text in s.problems()]
    if problems:
        what = f"{root}: {dataset.name}, set {dataset.subset}, is not complete"
        raise _incomplete(what, problems, kind)
    return dataset


def _incomplete(what: str, problems: list[str], kind: str) -> InputError:
    listed = "".join(f"\n  - {text}" for text in problems[:50])
    more = f"\n  - and {len(problems) - 50} more" if len(problems) > 50 else ""
    return InputError(f"{what}:{listed}{more}\n{_WAYS_OUT[kind]}.")


@dataclass(frozen=True)
class _Davis:
    """A set of DAVIS in the layout of its releases of 2016, 2017 and 2019."""

    root: Path
    subset: str
    task: Task
    year: int
    resolution: str

    @property
    def title(self) -> str:
        unsupervised = self.task == "unsupervised"
        return "DAVIS 2019 unsupervised" if unsupervised else f"DAVIS {self.year}"

    @property
    def values(self) -> Values:
        if self.year == 2017:
            return "ids"
        # The release of 2016 draws its objects in white and is known by this folder.
        return "white" if (self.root / "ImageSets" / self.resolution).is_dir() else "merged"

    def masks(self) -> Path:
        """Find the folder of annotations."""
        unsupervised = self.task == "unsupervised"
        kind = self.root / ("Annotations_unsupervised" if unsupervised else "Annotations")
        if not (kind / self.resolution).is_dir():
            there = shortened(_subfolders(kind) if kind.is_dir() else ()) or "none"
            absent = f"no folder {kind / self.resolution} (resolutions there: {there})"
            raise _incomplete(f"{self.root}: {self.title} is not complete", [absent], "DAVIS")
        return kind / self.resolution

    def listing(self) -> Path:
        """Find the file that lists the set's sequences."""
        sets = self.root / "ImageSets"
        late = self.task == "unsupervised" and self.subset.startswith("test")
        years = {2016: ("2016", self.resolution), 2017: ("2019" if late else "2017",)}
        for folder in years[self.year]:
            if (sets / folder / f"{self.subset}.txt").is_file():
                return sets / folder / f"{self.subset}.txt"
        there = shortened(sorted(f"{p.parent.name}/{p.stem}" for p in sets.glob("*/*.txt")))
        expected = sets / years[self.year][0] / f"{self.subset}.txt"
        absent = f"no file {expected} (sets there: {there or 'none'})"
        raise _incomplete(
            f"{self.root}: {self.title} has no set {self.subset!r} here", [absent], "DAVIS"
        )


def _davis(release: _Davis, wanted: tuple[str, ...]) -> Dataset:
    if release.year not in {2016, 2017}:
        raise InputError(f"DAVIS of {release.year}: there is one of 2016 and one of 2017")
    listed = _sequence_names(release.listing())
    names = _chosen(listed, wanted, f"{release.root}, set {release.subset}")
    masks = release.masks()
    pictures = release.root / "JPEGImages" / release.resolution
    found = tuple(_sequence(name, masks, pictures, values=release.values) for name in names)
    return Dataset(release.title, release.root, release.subset, found)


def _sequence_names(listing: Path) -> list[str]:
    """Read the names in a set's file: one a line, or (2016) the paths of each frame and mask."""
    names: dict[str, None] = {}
    for line in listing.read_text(encoding="utf-8").splitlines():
        if words := line.split():
            names[words[0] if "/" not in words[0] else words[0].split("/")[-2]] = None
    return list(names)


def _split_folder(root: Path, subset: str) -> Path | None:
    """Find the folder of a split in the layout that YouTube-VOS, MOSE and LVOS share."""
    for name in ("", *_SPLIT_NAMES.get(subset, (subset,))):
        if (root / name / "Annotations").is_dir():
            return root / name
    return None


def _split(folder: Path, subset: str, wanted: tuple[str, ...]) -> Dataset:
    """Open a split: JPEGImages, Annotations and, in YouTube-VOS, meta.json."""
    masks, pictures = folder / "Annotations", folder / "JPEGImages"
    videos = _meta(folder / "meta.json")
    there = sorted(videos) or _subfolders(masks)
    found = tuple(
        _sequence(name, masks, pictures, later_objects=True, starts=_starts(videos.get(name)))
        for name in _chosen(there, wanted, str(folder))
    )
    return Dataset("YouTube-VOS" if videos else "split layout", folder, subset, found)


def _meta(path: Path) -> dict[str, Any]:
    """Read the videos of a meta.json; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        return dict(videos)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: expected YouTube-VOS's JSON with an object `videos` ({error!r})"
        ) from error


def _starts(video: Mapping[str, Any] | None) -> dict[int, str] | None:
    """Return the first frame of each object that a meta.json gives, or None."""
    objects = (video or {}).get("objects", {})
    frames = {number: entry.get("frames") for number, entry in objects.items()}
    if not frames or not all(frames.values()):
        return None
    return {int(number): str(min(names, key=natural_key)) for number, names in frames.items()}


def _plain(root: Path, wanted: tuple[str, ...]) -> Dataset:
    """Open a folder of folders of masks, or one folder of masks."""
    names = _subfolders(root)
    if not names and any(root.glob("*.png")):
        (name,) = _chosen([root.resolve().name], wanted, str(root))
        return Dataset("one sequence", root, "all", (_guessed(name, root.resolve().parent),))
    if not names:
        raise InputError(
            f"{root}: no dataset here. Expected ImageSets (DAVIS), Annotations (YouTube-VOS, "
            "MOSE, LVOS), or one folder of PNG masks for each sequence."
        )
    found = tuple(_guessed(name, root) for name in _chosen(names, wanted, str(root)))
    return Dataset("folder of sequences", root, "all", found)


def _guessed(name: str, root: Path) -> Sequence:
    """Make a sequence from masks alone; a first mask of 0 and 255 alone is a white object."""
    sequence = _sequence(name, root, None, later_objects=True)
    first = next(iter(sequence.annotations.values()), None)
    if first is None or not looks_white(first):
        return sequence
    return _sequence(name, root, None, later_objects=True, values="white")


def _sequence(name: str, masks: Path, pictures: Path | None, **known: Any) -> Sequence:
    """Collect the files of one sequence; a folder that is not there has none."""
    listed = partial(_listed, name=name)
    images = listed(pictures, suffixes=IMAGE_SUFFIXES) if pictures else {}
    annotations = listed(masks, suffixes={".png"})
    return Sequence(name, annotations, tuple(images.values()), **known)


def _listed(parent: Path, name: str, suffixes: Iterable[str]) -> dict[str, Path]:
    return files_by_name(parent / name, suffixes) if (parent / name).is_dir() else {}


def _subfolders(folder: Path) -> list[str]:
    names = [p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != "."]
    return sorted(names, key=natural_key)


def _chosen(there: list[str], wanted: tuple[str, ...], where: str) -> list[str]:
    """Return the wanted names in the set's order; all of them if none is named."""
    if unknown := [name for name in wanted if name not in there]:
        raise InputError(
            f"{where}: no sequences {shortened(unknown)}; there are {shortened(there, 30)}"
        )
    return [name for name in there if name in wanted or not wanted]
