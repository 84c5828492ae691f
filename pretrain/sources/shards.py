"""WebDataset shards that come out of a command (`pipe:...`): object stores, remote machines.

A shard is fetched whole into a local folder when it is first needed and read there like any tar
archive; the oldest shards make room for new ones. So a sample has a number, an epoch has a
length, and a run does not depend on the number of workers.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import subprocess
from collections import Counter, OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pretrain.sources.archives import read_span, tar_members
from pretrain.sources.decode import BrokenImageError
from vos.errors import InputError
from vos.files import atomic_path

_WINDOW = 4  # shards whose samples are mixed
_INDEXES = 64  # member lists kept in memory


class PipedShards:
    """Shards fetched by shell commands.

    Args:
        commands: one command a shard, which writes a tar archive to its standard output.
        samples_per_shard: samples that each shard counts for in one epoch.
        cache: folder for fetched shards.
        cache_bytes: how large that folder may grow.
    """

    kind = "piped shards"

    def __init__(
        self, commands: Sequence[str], samples_per_shard: int, cache: Path, cache_bytes: int
    ) -> None:
        if samples_per_shard < 1:
            raise InputError(
                "shards from a pipe need --samples-per-shard, the number of images in one shard"
            )
        self.commands = list(commands)
        self.skipped: Counter[str] = Counter()
        self.samples_per_shard = samples_per_shard
        self.cache = cache
        self.cache_bytes = cache_bytes
        self._members: OrderedDict[int, list[tuple[str, int, int]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.commands) * self.samples_per_shard

    def name(self, index: int) -> str:
        """Return the shard's command and the sample's number in it."""
        shard, place = divmod(index, self.samples_per_shard)
        return f"{self.commands[shard]}#{place}"

    def fingerprint(self) -> str:
        """Return a hash of the commands."""
        text = "\n".join(self.commands) + f"\n{self.samples_per_shard}"
        return hashlib.sha256(text.encode()).hexdigest()

    def contents(self) -> str:
        """Return nothing: what a command writes is known once it is fetched."""
        return ""

    def order(self, random: np.random.Generator) -> np.ndarray:
        """Return all indexes once: shards shuffled, samples mixed over a few shards at a time."""
        shards = random.permutation(len(self.commands))
        parts = []
        for start in range(0, len(shards), _WINDOW):
            group = shards[start : start + _WINDOW]
            places = group[:, None] * self.samples_per_shard + np.arange(self.samples_per_shard)
            parts.append(random.permutation(places.ravel()))
        return np.concatenate(parts)

    def read(self, index: int, random: np.random.Generator) -> bytes:
        """Return a member's bytes; a shard shorter than said is read round again."""
        shard, place = divmod(index, self.samples_per_shard)
        path = self.cache / f"{hashlib.sha256(self.commands[shard].encode()).hexdigest()[:24]}.tar"
        for _ in range(3):  # another worker may drop the file between two of these lines
            self._fetch(shard, path)
            with contextlib.suppress(FileNotFoundError):
                members = self._index(shard, path)
                if not members:
                    raise BrokenImageError(f"no image in the shard of {self.commands[shard]!r}")
                _, offset, size = members[place % len(members)]
                return read_span(path, offset, size)
        raise BrokenImageError(f"{path} keeps vanishing; is --cache-gb too small for one shard?")

    def _index(self, shard: int, path: Path) -> list[tuple[str, int, int]]:
        if shard not in self._members:
            if not path.exists():
                raise FileNotFoundError(path)
            try:
                self._members[shard] = tar_members(path)
            except InputError as error:
                raise BrokenImageError(str(error)) from error
            if len(self._members) > _INDEXES:
                self._members.popitem(last=False)
        return self._members[shard]

    def _fetch(self, shard: int, path: Path) -> None:
        """Run the shard's command unless its file is there; one process at a time for a shard."""
        if path.exists():
            return
        self.cache.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return
            with atomic_path(path) as beside, beside.open("wb") as out:
                completed = subprocess.run(
                    self.commands[shard],
                    shell=True,
                    stdout=out,
                    stderr=subprocess.PIPE,
                    check=False,
                )
                if completed.returncode:
                    message = completed.stderr.decode(errors="replace").strip()[-200:]
                    raise BrokenImageError(
                        f"the command {self.commands[shard]!r} ended with status "
                        f"{completed.returncode}: {message}"
                    )
            self._make_room(path)

    def _make_room(self, keep: Path) -> None:
        """Drop the oldest shards; other workers may do so, or be fetching, at the same time."""
        files = []
        for file in self.cache.glob("[!.]*.tar"):
            with contextlib.suppress(FileNotFoundError):
                stat = file.stat()
                files.append((stat.st_mtime, stat.st_size, file))
        total = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if total > self.cache_bytes and file != keep:
                file.unlink(missing_ok=True)
                total -= size
