"""Opening sources by path, and mixing several of them by weight."""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pretrain.sources.archives import FolderSource, TarSource, ZipSource, expand_braces, list_folder
from pretrain.sources.options import SourceOptions, require_data
from pretrain.sources.shards import PipedShards
from pretrain.sources.source import VIDEO_SUFFIXES, Source, describe_skipped
from pretrain.sources.videos import VideoSource
from vos.errors import InputError
from vos.files import IMAGE_SUFFIXES

_PIPE = "pipe:"


def open_source(spec: str, options: SourceOptions | None = None) -> list[Source]:
    """Open what a path or pattern names.

    Args:
        spec: a folder, a `.zip` or `.tar` file (or a folder inside one, as `photos.zip/birds`),
            shards as `shards/{000..127}.tar`, a video, or `pipe:command {000..127}`.
        options: for videos and piped shards.

    Returns:
        One source for each kind of data found there.

    Raises:
        InputError: nothing is there, or nothing that can be trained on.
    """
    options = options or SourceOptions()
    if spec.startswith(_PIPE):
        commands = expand_braces(spec.removeprefix(_PIPE))
        cache = options.shard_cache.expanduser()
        size = int(options.cache_gb * 1e9)
        return [PipedShards(commands, options.samples_per_shard, cache, size)]
    if "{" in spec and not Path(spec).exists():
        return [TarSource([_existing(Path(p)) for p in expand_braces(spec)])]
    path, prefix = _archive_and_prefix(Path(spec).expanduser())
    if path.is_dir():
        return _open_folder(path, options)
    if zipfile.is_zipfile(path):
        source: Source = ZipSource(path, prefix)
    elif path.suffix.lower() in VIDEO_SUFFIXES:
        source = VideoSource(path.parent, [path.name], options.frames_per_video)
    elif path.suffix.lower() in IMAGE_SUFFIXES:
        raise InputError(f"{path} is one image; give the folder or archive that holds them")
    else:
        source = TarSource([path], prefix)
    if not len(source):
        others = _after_semicolon(source.skipped)
        raise InputError(f"no image in {spec}; expected files named {_suffixes()}{others}")
    return [source]


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise InputError(f"no shard at {path}; check the numbers in the braces")
    return path


def _archive_and_prefix(path: Path) -> tuple[Path, str]:
    """Split `a/photos.zip/birds` into the archive and the folder in it."""
    if path.exists():
        return path, ""
    for parent in path.parents:
        if parent.is_file():
            return parent, str(path.relative_to(parent))
    raise InputError(f"no folder or archive at {path}; check the path")


def _open_folder(path: Path, options: SourceOptions) -> list[Source]:
    skipped: Counter[str] = Counter()
    listed = list_folder(path, skipped)
    sources: list[Source] = []
    if listed["image"]:
        sources.append(FolderSource(path, listed["image"]))
    if listed["video"]:
        sources.append(VideoSource(path, listed["video"], options.frames_per_video))
    if listed["tar"]:
        sources.append(TarSource([path / name for name in listed["tar"]]))
    sources = [source for source in sources if len(source)]
    if not sources:
        raise InputError(
            f"no image, video or tar shard under {path}; expected files named {_suffixes()}"
            + _after_semicolon(skipped)
        )
    sources[0].skipped.update(skipped)
    return sources


def _after_semicolon(skipped: Counter[str]) -> str:
    return f"; {describe_skipped(skipped)}" if skipped else ""


def _suffixes() -> str:
    return ", ".join(sorted(IMAGE_SUFFIXES))


class Mixture:
    """Several sources as one numbered list, and the order in which an epoch goes through it.

    Args:
        specs: paths and patterns for `open_source`.
        weights: how often each is drawn, in proportion; none: every image once an epoch.
        options: for videos and piped shards.

    Raises:
        InputError: as `open_source`; or weights that do not fit the specs.
    """

    def __init__(
        self,
        specs: Sequence[str],
        weights: Sequence[float] = (),
        options: SourceOptions | None = None,
    ) -> None:
        require_data(specs)
        if weights and (len(weights) != len(specs) or min(weights) <= 0):
            raise InputError(
                f"{len(weights)} weights for {len(specs)} sources; give one above 0 for each"
            )
        self.sources: list[Source] = []
        shares: list[float] = []
        for number, spec in enumerate(specs):
            opened = open_source(spec, options)
            total = sum(len(source) for source in opened)
            self.sources += opened
            for source in opened:
                weight = weights[number] * len(source) / total if weights else len(source)
                shares.append(weight)
        self.shares = np.array(shares) / sum(shares)
        self.starts = np.cumsum([0, *(len(source) for source in self.sources)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def locate(self, index: int) -> tuple[Source, int]:
        """Return the source of a sample and its number there."""
        which = int(np.searchsorted(self.starts, index, side="right")) - 1
        return self.sources[which], index - int(self.starts[which])

    def name(self, index: int) -> str:
        """Return a sample's name."""
        source, inner = self.locate(index)
        return source.name(inner)

    def epoch(self, seed: int, epoch: int) -> np.ndarray:
        """Return (len,) sample numbers in the order of an epoch: sources interleaved by weight."""
        random = np.random.default_rng([seed, epoch])
        counts = np.floor(self.shares * len(self)).astype(int)
        counts[: len(self) - counts.sum()] += 1
        turns = random.permutation(np.repeat(np.arange(len(counts)), counts))
        order = np.empty(len(self), dtype=np.int64)
        for which, (source, count) in enumerate(zip(self.sources, counts, strict=True)):
            rounds = -(-int(count) // len(source)) if count else 0
            drawn = [source.order(random) for _ in range(rounds)]
            if drawn:
                order[turns == which] = np.concatenate(drawn)[:count] + self.starts[which]
        return order

    def fingerprint(self) -> str:
        """Return a hash of what the samples are and how they are mixed."""
        digest = hashlib.sha256(np.round(self.shares, 9).tobytes())
        for source in self.sources:
            digest.update(source.fingerprint().encode())
        return digest.hexdigest()

    def contents(self) -> str:
        """Return a hash of what the samples hold: sizes of all files, sums of some."""
        parts = [source.contents() for source in self.sources]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def describe(self) -> str:
        """Return one line: how many samples of which kinds, and what is not read."""
        parts = [f"{len(source)} from {source.kind}" for source in self.sources]
        skipped = sum((source.skipped for source in self.sources), Counter[str]())
        return f"{len(self)} samples ({', '.join(parts)}){_after_semicolon(skipped)}"
