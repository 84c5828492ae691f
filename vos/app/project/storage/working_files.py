"""The folders `masks/` and `prompts/` of a project, which hold what its state says.

Files are hard links to those of the store, or copies where a file system has no links. They are
made beside their names and renamed when the change is in the journal.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from vos.app.project.entries import Value, parsed_key
from vos.app.project.history import State
from vos.app.project.prompt_masks import composed
from vos.app.project.storage.folder import MASKS, PROMPTS
from vos.app.project.storage.mask_store import MaskStore, digest_of
from vos.errors import InputError
from vos.masks.io import read_index_png
from vos.video.frames import frame_name

NameOf = Callable[[int], str]
_LONGEST_NAME = 200


@dataclass
class StagedFiles:
    """Files that wait for their change."""

    moves: list[tuple[Path | None, Path]] = field(default_factory=list)
    """The file beside, None for one to be removed, and its place."""

    def put_in_place(self) -> None:
        """Rename them, and remove those that are not wanted any more.

        Raises:
            OSError: one cannot be; the others are.
        """
        problem: OSError | None = None
        for beside, target in self.moves:
            try:
                if beside is None:
                    target.unlink(missing_ok=True)
                else:
                    beside.replace(target)
                    beside.unlink(missing_ok=True)  # links to one file are left where they are
            except OSError as error:
                problem = error
        if problem is not None:
            raise problem

    def discard(self) -> None:
        """Remove them."""
        for beside, _ in self.moves:
            if beside is not None:
                with suppress(OSError):
                    beside.unlink(missing_ok=True)


class WorkingFiles:
    """Keeps the two folders in step with a state.

    Args:
        folder: the project's.
        store: its masks.
        name_of: gives the name of a frame's files by its number.
    """

    def __init__(self, folder: Path, store: MaskStore, name_of: NameOf = frame_name) -> None:
        self._folder = folder
        self._store = store
        self._name_of = name_of

    def path(self, kind: str, frame: int) -> Path:
        """Return the file of a frame in `masks` or `prompts`, whether it is there or not."""
        try:
            name = self._name_of(frame)
        except (InputError, LookupError):  # a frame that the source does not have
            name = frame_name(frame)
        odd = not name or name[0] == "." or len(os.fsencode(name)) > _LONGEST_NAME
        if odd or any(sign in name for sign in "/\\\0:"):
            name = frame_name(frame)
        return self._folder / kind / f"{name}.png"

    def prepare(self, state: State, changes: Mapping[str, Value]) -> StagedFiles:
        """Make the files that changes of a state call for, beside their places.

        Raises:
            InputError: prompts of a frame do not go together, or a mask is damaged.
            OSError: one cannot be made; then none is left.
        """
        staged = StagedFiles()
        try:
            for key in changes:
                kind, numbers = parsed_key(key)
                if kind == "frames":
                    value = changes[key]
                    digest = None if value is None else value["mask"]
                    self._stage(staged, self.path(MASKS, numbers[0]), digest)
            for frame in _prompted_frames(state, changes):
                digest = self._prompt_digest(frame, state, changes)
                self._stage(staged, self.path(PROMPTS, frame), digest)
        except BaseException:
            staged.discard()
            raise
        return staged

    def bring_in_step(self, state: State, frames: Collection[int]) -> None:
        """Make both folders hold what a state says, after a crash or under new names.

        Frames whose masks are missing or damaged are passed over. Files that no change of the
        project made are left alone.

        Args:
            state: of the project.
            frames: all numbers that the state had at any time.

        Raises:
            OSError: a file cannot be made or removed.
        """
        for kind in (MASKS, PROMPTS):
            for part in (self._folder / kind).glob(".*.part.png"):
                part.unlink()
        prompted = {parsed_key(key)[1][0] for key, _ in state.entries("prompts/")}
        self._remove_strays(frames)
        for frame in frames:
            staged = StagedFiles()
            value = state.get(f"frames/{frame}")
            with suppress(InputError):
                self._stage(staged, self.path(MASKS, frame), value and value["mask"])
            with suppress(InputError):
                digest = self._prompt_digest(frame, state, {}) if frame in prompted else None
                self._stage(staged, self.path(PROMPTS, frame), digest)
            staged.put_in_place()

    def _remove_strays(self, frames: Collection[int]) -> None:
        """Remove masks of the store under names of no frame, as of a change that was lost."""
        for kind in (MASKS, PROMPTS):
            named = {self.path(kind, frame).name for frame in frames}
            for path in (self._folder / kind).glob("*.png"):
                if path.name not in named and not path.is_symlink() and self._is_stray(path):
                    path.unlink()

    def _is_stray(self, path: Path) -> bool:
        """Say whether a file is a link to one of the store, or has its content and a number."""
        if path.stat().st_nlink < 2 and not path.stem.isdecimal():
            return False
        try:
            stored = self._store.path(digest_of(read_index_png(path)))
            return path.samefile(stored) or path.stem.isdecimal()
        except (InputError, OSError):
            return False

    def remove(self, frames: Iterable[int]) -> None:
        """Remove the files of frames, as before other names.

        Raises:
            OSError: one cannot be removed.
        """
        for frame in frames:
            for kind in (MASKS, PROMPTS):
                self.path(kind, frame).unlink(missing_ok=True)

    def _stage(self, staged: StagedFiles, target: Path, digest: str | None) -> None:
        if digest is None:
            if os.path.lexists(target):
                staged.moves.append((None, target))
            return
        self._store.require([digest])
        stored = self._store.path(digest)
        if _is_same(stored, target):
            return
        target.parent.mkdir(exist_ok=True)
        beside = target.with_name(f".{target.stem}.part.png")
        beside.unlink(missing_ok=True)
        staged.moves.append((beside, target))
        try:
            os.link(stored, beside)
        except OSError:  # no links here, or too many of this file
            shutil.copyfile(stored, beside)

    def _prompt_digest(self, frame: int, state: State, changes: Mapping[str, Value]) -> str | None:
        """Return the digest of all objects' prompts on a frame, None if there are none."""
        prompts = {
            parsed_key(key)[1][1]: value["mask"]
            for key, value in _entries_after(state, changes, f"prompts/{frame}/")
        }
        if not prompts:
            return None
        locked = []
        for number in prompts:
            key = f"objects/{number}"
            value = changes[key] if key in changes else state.get(key)
            if value is not None and value["locked"]:
                locked.append(number)
        masks = {number: self._store.get(digest) for number, digest in prompts.items()}
        return self._store.put(composed(masks, locked))


def _entries_after(
    state: State, changes: Mapping[str, Value], prefix: str
) -> Iterator[tuple[str, Value]]:
    """Give the entries of a state with changes, those whose keys start so."""
    entries = dict(state.entries(prefix))
    entries.update((key, value) for key, value in changes.items() if key.startswith(prefix))
    return ((key, value) for key, value in entries.items() if value is not None)


def _prompted_frames(state: State, changes: Mapping[str, Value]) -> list[int]:
    """Return the frames whose mask of prompts may be another one after changes."""
    frames, objects = set(), set()
    for key, new in changes.items():
        kind, numbers = parsed_key(key)
        if kind == "prompts":
            frames.add(numbers[0])
        elif kind == "objects":
            old = state.get(key)
            if (old and old["locked"]) != (new and new["locked"]):
                objects.add(numbers[0])
    if objects:
        prompts = (parsed_key(key)[1] for key, _ in _entries_after(state, changes, "prompts/"))
        frames.update(frame for frame, number in prompts if number in objects)
    return sorted(frames)


def _is_same(stored: Path, target: Path) -> bool:
    """Say whether a file is a hard link to one of the store, or has its content."""
    try:
        status = target.lstat()
    except OSError:
        return False
    if not os.path.samestat(status, stored.stat()):
        if target.is_symlink() or not target.is_file():
            return False
        return filecmp.cmp(stored, target, shallow=False)
    return True
