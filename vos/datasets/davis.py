"""DAVIS in the layout of its releases of 2016, 2017 and 2019.

DAVIS 2016 (F. Perazzi et al.), DAVIS 2017 (J. Pont-Tuset et al., arXiv 1704.00675), DAVIS 2019
unsupervised (S. Caelles et al., arXiv 1905.00737).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vos.datasets.dataset import Dataset, chosen_names, incomplete, sequence_of_files, subfolders
from vos.datasets.sequence import Values
from vos.datasets.task import Task
from vos.errors import InputError
from vos.files import shortened


@dataclass(frozen=True)
class DavisRelease:
    """A set of DAVIS in the layout of its releases of 2016, 2017 and 2019."""

    root: Path
    subset: str
    task: Task
    year: int
    resolution: str

    @property
    def title(self) -> str:
        """The benchmark's name."""
        unsupervised = self.task == "unsupervised"
        return "DAVIS 2019 unsupervised" if unsupervised else f"DAVIS {self.year}"

    @property
    def values(self) -> Values:
        """What the values of its mask files mean."""
        if self.year == 2017:
            return "ids"
        # The release of 2016 draws its objects in white and is known by this folder.
        return "white" if (self.root / "ImageSets" / self.resolution).is_dir() else "merged"

    def masks(self) -> Path:
        """Find the folder of annotations."""
        unsupervised = self.task == "unsupervised"
        kind = self.root / ("Annotations_unsupervised" if unsupervised else "Annotations")
        if not (kind / self.resolution).is_dir():
            resolutions = shortened(subfolders(kind) if kind.is_dir() else ()) or "none"
            absent = f"no folder {kind / self.resolution} (resolutions there: {resolutions})"
            raise incomplete(f"{self.root}: {self.title} is not complete", [absent], "DAVIS")
        return kind / self.resolution

    def listing(self) -> Path:
        """Find the file that lists the set's sequences."""
        sets = self.root / "ImageSets"
        late = self.task == "unsupervised" and self.subset.startswith("test")
        years = {2016: ("2016", self.resolution), 2017: ("2019" if late else "2017",)}
        for folder in years[self.year]:
            if (sets / folder / f"{self.subset}.txt").is_file():
                return sets / folder / f"{self.subset}.txt"
        known_sets = shortened(sorted(f"{p.parent.name}/{p.stem}" for p in sets.glob("*/*.txt")))
        expected = sets / years[self.year][0] / f"{self.subset}.txt"
        absent = f"no file {expected} (sets there: {known_sets or 'none'})"
        raise incomplete(
            f"{self.root}: {self.title} has no set {self.subset!r} here", [absent], "DAVIS"
        )


def open_davis(release: DavisRelease, wanted: tuple[str, ...]) -> Dataset:
    """Open a set of DAVIS: all of its sequences, or the wanted ones.

    Raises:
        InputError: there is no such release, set, folder or sequence.
    """
    if release.year not in {2016, 2017}:
        raise InputError(f"DAVIS of {release.year}: there is one of 2016 and one of 2017")
    listed = _sequence_names(release.listing())
    names = chosen_names(listed, wanted, f"{release.root}, set {release.subset}")
    masks = release.masks()
    pictures = release.root / "JPEGImages" / release.resolution
    sequences = tuple(
        sequence_of_files(name, masks, pictures, values=release.values) for name in names
    )
    return Dataset(release.title, release.root, release.subset, sequences)


def _sequence_names(listing: Path) -> list[str]:
    """Read the names in a set's file: one a line, or (2016) the paths of each frame and mask."""
    names: dict[str, None] = {}
    for line in listing.read_text(encoding="utf-8").splitlines():
        if words := line.split():
            names[words[0] if "/" not in words[0] else words[0].split("/")[-2]] = None
    return list(names)
