"""`vos app`: masks from a video in the browser."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from vos.backbones.loading import BackboneOptions, load_with_progress
from vos.cli.pytorch import start_pytorch
from vos.errors import InputError
from vos.propagation.config import Mode
from vos.video.frame_range import FrameRange, ReadingOptions

if TYPE_CHECKING:
    from vos.app.server.sources.source import SourceSpec
    from vos.backbones.backbone import Backbone


@dataclass(frozen=True)
class App:
    """Make masks by clicks, propagate them, correct and export them, in the browser.

    Prints the page's address and opens it. Every change is kept at once, in a project beside the
    video, and the same command goes on with it. The page is for this machine alone unless --host
    says otherwise, and who opens it needs the token in its address. The backbone is the built-in
    one unless another is given.

    Example: vos app clip.mp4
    """

    videos: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="VIDEO")] = ()
    """Video files, folders or patterns of pictures, or folders that vos segment wrote. Without
    one, the page offers to open a file or the demo clip."""
    project: Path | None = None
    """Folder of the project: for the one video, or alone to go on with it."""
    batch: Path | None = None
    """List that vos segment --batch was given; its results are shown, the least sure first where
    it wrote their confidence (--confidence)."""
    root: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction] = ()
    """Folder that the page may open files of; may be repeated. By default the current one."""
    host: str = "127.0.0.1"
    """Address of this machine to listen on; 0.0.0.0 lets other machines in that have the token."""
    port: int = 0
    """Port to listen on; by default a free one."""
    browser: bool = True
    """Open the page in the browser."""
    max_upload: int = 4_000_000_000
    """Largest file that the page may send, in bytes."""
    max_size: int | None = None
    """Shrink frames so that the longer side has at most this many pixels."""
    threads: int | None = None
    """Threads that PyTorch computes in on a processor; by default one a core."""
    mode: Mode = "adaptive"
    """How new projects propagate; the page can change it. As in vos segment."""
    direction: Literal["forward", "both"] = "both"
    """The direction of new projects; the page can change it. As in vos segment."""
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    backbone: BackboneOptions = field(
        default_factory=lambda: BackboneOptions(backbone="efficientnet_lite0")
    )

    def run(self) -> int:
        """Serve the page until Ctrl-C or SIGTERM."""
        FrameRange(max_size=self.max_size)
        if not 0 <= self.port < 1 << 16:
            raise InputError(f"--port {self.port}: expected 0 to 65535; 0 is a free one")
        for name, value in (("max-upload", self.max_upload), ("threads", self.threads)):
            if value is not None and value < 1:
                raise InputError(f"--{name} {value}: expected 1 or more")
        from vos.app.server.application import AppSettings
        from vos.app.server.installed import InstalledParts, PartSettings
        from vos.app.server.serving import serve

        roots = list(self.root) or [Path()]
        if self.project is not None and self.project.exists():
            roots.append(self.project.absolute().parent)  # where the source of a project lies
        options = {name: _plain(value) for name, value in asdict(self.backbone).items()}
        modes = {"mode": self.mode, "direction": self.direction}
        parts = PartSettings(self._load, options, modes, self.reading)
        serve(
            AppSettings(self._sources(), roots, self.max_upload, self.max_size),
            partial(InstalledParts, parts),
            host=self.host,
            port=self.port,
            open_browser=self.browser,
        )
        return 0

    def _load(self) -> Backbone:
        start_pytorch(self.threads)
        return load_with_progress(self.backbone)

    def _sources(self) -> list[SourceSpec]:
        from vos.app.server.sources.batch_rows import batch_sources
        from vos.app.server.sources.given import given_source, project_alone

        if self.project is not None and (self.batch is not None or len(self.videos) > 1):
            raise InputError("--project is the folder of one video; give at most one beside it")
        if self.project is not None and not self.videos:
            return [project_alone(self.project)]
        specs = [] if self.batch is None else batch_sources(self.batch, max_size=self.max_size)
        return specs + [
            given_source(video, project=self.project, max_size=self.max_size)
            for video in self.videos
        ]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
