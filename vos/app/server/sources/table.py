"""The sources of one server: those of the command line, and those the page opens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Lock

from vos.app.server.answers import RequestError, UnknownIdError
from vos.app.server.parts import Parts
from vos.app.server.sources.demo import demo_folder
from vos.app.server.sources.places import data_folder, recorded_source, uploads_folder
from vos.app.server.sources.roots import PROJECT_RECORD, RUN_RECORD, Roots
from vos.app.server.sources.source import OpenSource, Source, SourceSpec

_SOURCES = 1000
_OPEN_SOURCES = 4
_IDLE_SECONDS = 60.0


class SourceTable:
    """The list of sources, in order, by id. Thread-safe."""

    def __init__(self, parts: Parts, roots: Roots, *, max_size: int | None = None) -> None:
        self.roots = roots
        self._parts, self._max_size = parts, max_size
        self._sources: dict[str, Source] = {}
        self._trusted: set[str] = set()
        self._lock, self._opening = Lock(), Lock()
        self.on_open: list[Callable[[Source, OpenSource], None]] = []
        """Called with a source and its parts when it is opened."""
        self.is_busy: Callable[[Source], bool] = lambda _: False
        """Says whether a source has jobs, and so is not closed."""

    def add_given(self, specs: Sequence[SourceSpec]) -> list[Source]:
        """Add sources of the command line, which may lie anywhere."""
        self._trusted |= {spec.video for spec in specs if spec.is_given}
        return [self._listed(self._made(spec)) for spec in specs]

    def rows(self) -> list[Source]:
        """Return all sources."""
        with self._lock:
            return list(self._sources.values())

    def source(self, source_id: str) -> Source:
        """Return a source.

        Raises:
            UnknownIdError: there is none of that id.
        """
        with self._lock:
            source = self._sources.get(source_id)
        if source is None:
            raise UnknownIdError("there is no such source; reload the page")
        return source

    def open_path(self, path: str | Path) -> Source:
        """Open a file or folder under the roots: a video, pictures, a run or a project.

        Raises:
            InputError: it lies elsewhere, or cannot be opened.
        """
        real = self.roots.resolved(path)
        return self._opened(self._spec_of(real))

    def open_demo(self) -> Source:
        """Open the demo clip; the first call makes it."""
        folder = demo_folder(data_folder())
        self.roots.add(folder, listed=False)
        return self._opened(SourceSpec(str(folder), "demo clip", max_size=self._max_size))

    def open_upload(self, path: Path) -> Source:
        """Open an uploaded file."""
        self.roots.add(uploads_folder())
        return self._opened(self._spec_of(path.resolve()))

    def let_rest(self) -> None:
        """Close sources that nobody looked at for a while, where more are open than need be."""
        idle = [(source.idle_seconds(), source) for source in self.rows()]
        awake = sorted(
            ((seconds, source) for seconds, source in idle if seconds is not None),
            key=lambda pair: -pair[0],
        )
        for seconds, source in awake[: max(len(awake) - _OPEN_SOURCES, 0)]:
            if seconds > _IDLE_SECONDS and not self.is_busy(source):
                source.rest()

    def close(self) -> None:
        """Close all sources; all are tried, whatever fails."""
        with ExitStack() as stack:
            for source in self.rows():
                stack.callback(source.close)

    def _spec_of(self, real: Path) -> SourceSpec:
        is_folder = real.is_dir()
        if is_folder and (real / PROJECT_RECORD).is_file():
            return SourceSpec(recorded_source(real), real.name, project=real)
        if is_folder and (real / RUN_RECORD).is_file():
            return SourceSpec(recorded_source(real), real.name, run=real)
        return SourceSpec(str(real), real.name, max_size=self._max_size)

    def _opened(self, spec: SourceSpec) -> Source:
        """Return the source of a project that is in the list already, or a new one, opened."""
        folder = spec.folder.resolve()
        with self._opening:
            for source in self.rows():
                if source.spec.folder.resolve() == folder:
                    source.opened()
                    return source
            source = self._made(spec)
            source.opened()  # what cannot be opened is no row
            return self._listed(source)

    def _made(self, spec: SourceSpec) -> Source:
        source = Source(spec, self._parts, self._check)
        source.on_open += [partial(call, source) for call in self.on_open]
        return source

    def _listed(self, source: Source) -> Source:
        with self._lock:
            if len(self._sources) >= _SOURCES:
                source.close()
                raise RequestError(f"{_SOURCES} sources are in the list already")
            self._sources[source.id] = source
        return source

    def _check(self, spec: SourceSpec) -> None:
        """Refuse frames that lie outside of the roots, unless the command line named them."""
        if spec.video in self._trusted:
            return
        try:
            real = self.roots.resolved(spec.video)
        except RequestError as error:
            folder = spec.project or spec.run
            if folder is None:
                raise
            raise RequestError(
                f"{folder} is of {spec.video}: {error}. Or give the place of the video: "
                f"vos app VIDEO --project {spec.folder}"
            ) from None
        self.roots.require_inside(real)
