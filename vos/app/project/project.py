"""A project: a state that every change is added to, in a folder of plain files.

The folder holds `project.json` (what it is of), `journal.jsonl` (every change; the state is what it
gives), `store/` (all masks of the history), and `masks/` and `prompts/`, which other programs read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.app.project.entries import Value, digests_of
from vos.app.project.header import ProjectHeader
from vos.app.project.history import Delta, History, Record
from vos.app.project.plain_values import copied, plain
from vos.app.project.storage.folder import (
    JOURNAL,
    STORE,
    check_links,
    check_new_folder,
    remove_project,
)
from vos.app.project.storage.journal import Journal
from vos.app.project.storage.mask_store import MaskStore
from vos.app.project.storage.working_files import NameOf, WorkingFiles
from vos.errors import InputError
from vos.runtime.folder_lock import locked_folder
from vos.video.frames import frame_name

DEFAULT_SETTINGS = {"mode": "adaptive", "direction": "both"}
Contents = Callable[["Project"], Mapping[str, Value]]


class Project:
    """The state of one source's masks, with its history; for several threads.

    `create` and `open` make one. Values that it returns are copies. Close it to let go of the
    folder, which belongs to one process at a time.
    """

    def __init__(self, folder: Path, header: ProjectHeader, name_of: NameOf) -> None:
        self.folder = folder
        self.header = header
        self.lock = threading.RLock()
        """Held during every change; hold it over several calls to have nothing between them."""
        self._history = History()
        self._store = MaskStore(folder / STORE)
        self._files = WorkingFiles(folder, self._store, name_of)
        self._in_step = True
        self._callbacks: list[Callable[[Delta], None]] = []
        self._held = ExitStack()
        self._journal: Journal | None = None

    @classmethod
    def create(
        cls,
        folder: str | Path,
        header: ProjectHeader,
        settings: Mapping[str, Any] | None = None,
        *,
        name_of: NameOf = frame_name,
        contents: Contents | None = None,
    ) -> Project:
        """Start a project in a folder that is new or empty.

        Args:
            folder: it is made where it lacks; a cache and exports may be in it.
            header: what it is of.
            settings: mode and direction; adaptive and both by default.
            name_of: gives the name of a frame's files by its number.
            contents: given the project, puts masks into it and returns entries of its first state,
                which undo does not take away.

        Raises:
            InputError: the folder holds something else, or is in use; or settings are wrong.
            OSError: it cannot be written to.
        """
        folder = Path(folder)
        check_new_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        project = cls(folder, header, name_of)
        with project._setting_up():
            try:
                header.write(folder)
                entries = contents(project) if contents else {}
                chosen = {**DEFAULT_SETTINGS, **(settings or {})}
                project._start({"settings": chosen, **entries})
            except BaseException:
                remove_project(folder)
                raise
        return project

    @classmethod
    def open(cls, folder: str | Path, *, name_of: NameOf = frame_name) -> Project:
        """Go on with a project, as it was after its last change.

        Raises:
            InputError: the folder is no project, or damaged, or in use, or has links out of it.
            OSError: it cannot be written to.
        """
        folder = Path(folder)
        header = ProjectHeader.read(folder)
        check_links(folder)
        project = cls(folder, header, name_of)
        with project._setting_up():
            project._replay()
        return project

    @property
    def revision(self) -> int:
        """The number of the last change, undo or redo."""
        return self._history.records

    @property
    def undo_label(self) -> str | None:
        """Label of what undo would do, None if nothing."""
        with self.lock:
            return self._history.done[-1].label if self._history.done else None

    @property
    def redo_label(self) -> str | None:
        """Label of what redo would do, None if nothing."""
        with self.lock:
            return self._history.undone[-1].label if self._history.undone else None

    def get(self, key: str) -> Value:
        """Return a value of the state, None if there is none."""
        with self.lock:
            return copied(self._history.state.get(key))

    def items(self, prefix: str) -> dict[str, Value]:
        """Return the entries of the state whose keys start so."""
        with self.lock:
            return {key: copied(value) for key, value in self._history.state.entries(prefix)}

    def snapshot(self) -> dict[str, Value]:
        """Return the whole state."""
        return self.items("")

    def change(self, label: str, changes: Mapping[str, Any]) -> Delta:
        """Make a change, one step for undo.

        Args:
            label: what undo and redo call it.
            changes: key -> new value; None removes a key.

        Raises:
            InputError: a key or value is none of a state, or speaks of an object or a mask that
                is not there.
            OSError: it cannot be written, as on a full disk; then nothing is changed.
        """
        with self.lock:
            return self._commit(self._history.step_record(label, plain(changes)))

    def add_to(self, step: int, changes: Mapping[str, Any]) -> Delta | None:
        """Add changes to a step, such as masks that arrive; undo takes all of the step back.

        Returns:
            None, and nothing is changed, if the step is undone, a later one changed a key of
            these, or an object of these is gone.

        Raises:
            InputError: a key or value is none of a state, or speaks of a mask that is not there.
            OSError: it cannot be written; then nothing is changed.
        """
        with self.lock:
            record = self._history.addition_record(step, plain(changes))
            return None if record is None else self._commit(record, sync=False)

    def undo(self) -> Delta:
        """Take the last step back.

        Raises:
            InputError: there is none.
            OSError: it cannot be written; then nothing is changed.
        """
        with self.lock:
            return self._commit(self._history.undo_record())

    def redo(self) -> Delta:
        """Do the step again that was taken back last.

        Raises:
            InputError: there is none.
            OSError: it cannot be written; then nothing is changed.
        """
        with self.lock:
            return self._commit(self._history.redo_record())

    def no_change(self) -> Delta:
        """Return the delta of an action that had nothing to change."""
        with self.lock:
            done = self._history.done
            return self._delta({}, done[-1].number if done else 0)

    def put_mask(self, ids: NDArray[np.uint8]) -> str:
        """Keep a mask (H, W) uint8 and return its digest, for values of the state.

        Raises:
            ValueError: it is no uint8 map with at least one pixel.
            OSError: it cannot be written.
        """
        return self._store.put(ids)

    def mask(self, digest: str) -> NDArray[np.uint8]:
        """Return a mask (H, W) uint8, which is not to be written to.

        Raises:
            InputError: there is none of that digest, or its file is damaged.
        """
        return self._store.get(digest)

    def subscribe(self, callback: Callable[[Delta], None]) -> None:
        """Call back after every change, in their order, while the project is locked."""
        with self.lock:
            self._callbacks.append(callback)

    def name_frames(self, name_of: NameOf) -> None:
        """Give the files of frames other names, where they were not known at opening.

        Raises:
            OSError: a file cannot be made or removed.
        """
        with self.lock:
            new = WorkingFiles(self.folder, self._store, name_of)
            frames = self._history.frames
            self._files.remove(f for f in frames if self._files.path("", f) != new.path("", f))
            self._files = new
            self._files.bring_in_step(self._history.state, frames)

    def close(self) -> None:
        """Let go of the folder; every change is on the disk.

        Raises:
            OSError: the last ones cannot be written.
        """
        with self.lock:
            self._journal = None
            self._held.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _setting_up(self) -> Iterator[None]:
        """Take the folder's lock for as long as the project is open, or let go on a failure."""
        self._held.enter_context(locked_folder(self.folder))
        try:
            yield
        except BaseException:
            self._held.close()
            raise

    def _open_journal(self) -> Journal:
        journal = Journal(self.folder / JOURNAL)
        self._held.callback(journal.close)
        return journal

    def _start(self, changes: Mapping[str, Value]) -> None:
        """Write the start of the history, which cannot be undone."""
        self._journal = self._open_journal()
        self._commit(self._history.step_record("", plain(changes)))

    def _replay(self) -> None:
        journal = self._open_journal()
        for number, record in journal.records():
            try:
                self._history.replay(record)
            except InputError as error:
                raise InputError(f"{journal.path}, line {number}: {error}") from None
        if not self._history.records:  # killed while it was created
            if any((self.folder / STORE).glob("*/*")):
                raise InputError(f"{journal.path} is missing or empty, and with it all changes")
            self._start({"settings": DEFAULT_SETTINGS})
            return
        self._journal = journal
        self._files.bring_in_step(self._history.state, self._history.frames)
        self._store.remove_others(self._history.digests())  # of steps that cannot be redone

    def _commit(self, record: Record, *, sync: bool = True) -> Delta:
        """Write a record, apply it, put files in place and tell the subscribers."""
        if self._journal is None:
            raise InputError(f"the project {self.folder} is closed")
        history = self._history
        changes = history.changes_of(record)
        if "patch" in record:
            self._store.require(d for key, value in changes.items() for d in digests_of(key, value))
        staged = self._files.prepare(history.state, changes)
        try:
            self._journal.append(record, sync=sync)
        except BaseException:
            staged.discard()
            raise
        history.apply(record)
        try:
            if self._in_step:
                staged.put_in_place()
            else:
                self._files.bring_in_step(history.state, history.frames)
            self._in_step = True
        except OSError:  # the change is made all the same; the next one or the next opening mends
            self._in_step = False
        delta = self._delta({key: copied(value) for key, value in changes.items()},
                            next(iter(record.values())))  # fmt: skip
        for callback in self._callbacks:
            callback(delta)
        return delta

    def _delta(self, changed: dict[str, Value], step: int) -> Delta:
        return Delta(self.revision, changed, self.undo_label, self.redo_label, step)
