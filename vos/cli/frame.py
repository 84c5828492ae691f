"""`vos frame`: frames of a video as pictures, to draw masks on."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from vos.errors import InputError
from vos.files import shortened, write_png
from vos.video.frame_range import ReadingOptions

if TYPE_CHECKING:
    from vos.video.frames import Frame
    from vos.video.reader import FrameReader

_SUFFIX = ".png"
_INSTANT = 0.000501  # seconds; a time may be given to the millisecond, as it is printed


@dataclass(frozen=True)
class WriteFrames:
    """Write frames of a video as PNG, upright, as vos segment sees them, to draw masks on.

    One frame is written to FILE.png, several into a folder, each by its name: 00040.png for frame
    40 of a video.

    Example: vos frame clip.mp4 -n 40 -o frame.png
    """

    video: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="VIDEO")]
    """Video file, folder or pattern of pictures, camera:N, or a stream's address."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """FILE.png for one frame, or a folder."""
    number: Annotated[tuple[int, ...], tyro.conf.arg(aliases=["-n"])] = ()
    """Index of the frame, from 0; several may be given. By default the first one is written."""
    time: Annotated[tuple[float, ...], tyro.conf.arg(aliases=["-t"])] = ()
    """Seconds from the first frame, in the place of an index: the frame that is shown then."""
    overwrite: bool = False
    """Replace files that are there already."""
    reading: ReadingOptions = field(default_factory=ReadingOptions)

    def run(self) -> int:
        """Write the frames and say where they are."""
        self._check()
        count = self._checked_count()
        numbers = self._numbers_at(self.time) if self.time else [*self.number] or [0]
        _require_frames(self.video, numbers, count)
        wanted = sorted(set(numbers))
        # The frames wanted are among every `step`-th, and no others are converted or kept.
        step = math.gcd(*(number - wanted[0] for number in wanted)) or 1
        missing = set(wanted)
        with self._open(start=wanted[0], end=wanted[-1] + 1, stride=step) as frames:
            for frame in frames:
                if frame.index in missing:
                    self._write(frame)
                    missing.discard(frame.index)
        if missing:
            raise InputError(
                f"{self.video} did not give the frames {shortened(sorted(missing))}: it ended "
                "before them, or they are damaged"
            )
        masks = " ".join(f"--mask {number}:MASK" for number in wanted[:2])
        more = " ..." if len(wanted) > 2 else ""
        print(f"draw masks, then: vos segment {shlex.quote(self.video)} {masks}{more} -o OUT")
        return 0

    def _check(self) -> None:
        """Refuse options that contradict each other or name no frame, before reading anything."""
        if self.number and self.time:
            raise InputError("give frames by index (-n) or by time (-t), not both")
        for value in (*self.number, *self.time):
            if not 0 <= value < float("inf"):
                raise InputError(f"frame {value}: expected 0 or more, counted from the first frame")
        if self._is_folder:
            if self.out.exists() and not self.out.is_dir():
                raise InputError(
                    f"{self.out} is no folder; frames are written as PNG: give FILE.png for one "
                    "frame, or a folder"
                )
            if self.out.suffix and not self.out.exists():
                raise InputError(
                    f"{self.out}: frames are written as PNG, which keeps every pixel; give "
                    f"{self.out.with_suffix(_SUFFIX)}, or a folder"
                )
        elif len({*self.number, *self.time}) > 1:
            raise InputError(f"several frames do not go into one file, {self.out}; give a folder")
        elif self.out.exists() and not self.overwrite:
            raise InputError(_in_the_way(self.out))
        folder = self.out if self._is_folder else self.out.parent
        if Path(self.video).is_dir() and Path(self.video).resolve() == folder.resolve():
            raise InputError(
                f"{folder} holds the frames, and what is written there would be taken for one of "
                "them; give another folder"
            )

    @property
    def _is_folder(self) -> bool:
        return self.out.suffix.lower() != _SUFFIX or self.out.is_dir()

    def _open(self, *, start: int = 0, end: int | None = None, stride: int = 1) -> FrameReader:
        from vos.video.reader import open_frames

        return open_frames(self.video, start=start, end=end, stride=stride, reading=self.reading)

    def _checked_count(self) -> int | None:
        """Return how many frames there are, as far as the source says it.

        Raises:
            InputError: it has no such frames, or pictures are asked for by time.
        """
        from vos.video.images import source_kind

        if source_kind(self.video) in {"camera", "stream"}:
            if self.time:
                raise InputError(f"{self.video} is live; give frames by index (-n)")
            return None
        with self._open() as frames:
            if self.time and frames.kind != "video":
                raise InputError(
                    f"{self.video}: pictures have no times; give frames by index (-n), from 0 to "
                    f"{(frames.count or 1) - 1}"
                )
            return frames.count

    def _numbers_at(self, times: Sequence[float]) -> list[int]:
        """Return the index of the frame that is shown at each time.

        Raises:
            InputError: the video ends before.
        """
        ahead = sorted(times)
        numbers: list[int] = []
        shown: Frame | None = None
        with self._open() as frames:
            for frame in frames:
                while ahead and shown is not None and _starts_after(frame, ahead[0]):
                    numbers.append(shown.index)
                    ahead.pop(0)
                if not ahead:
                    return numbers
                shown = frame
            assert shown is not None  # a video without frames is an error of the reader
            end = (shown.time or 0.0) + (float(1 / frames.mean_fps) if frames.mean_fps else 0.0)
        past = [time for time in ahead if time > end + _INSTANT]
        if past:
            raise InputError(
                f"{self.video} lasts {end:.3f} s ({shown.index + 1} frames), so it shows none at "
                f"{shortened(past)} s; give earlier times"
            )
        return [*numbers, *[shown.index] * len(ahead)]

    def _write(self, frame: Frame) -> None:
        path = self.out / f"{frame.name}{_SUFFIX}" if self._is_folder else self.out
        if path.exists() and not self.overwrite:
            raise InputError(_in_the_way(path))
        write_png(path, frame.image)
        height, width = frame.image.shape[:2]
        time = "" if frame.time is None else f" at {frame.time:.3f} s"
        print(f"frame {frame.index}{time}, {width}x{height}: {path}")


def _starts_after(frame: Frame, time: float) -> bool:
    return frame.time is not None and frame.time > time + _INSTANT


def _require_frames(video: str, numbers: Sequence[int], count: int | None) -> None:
    """Refuse indexes beyond the last frame."""
    beyond = sorted({number for number in numbers if count is not None and number >= count})
    if beyond and count is not None:
        named = "frame" if len(beyond) == 1 else "frames"
        raise InputError(
            f"{video} has {count} frames, 0 to {count - 1}, so no {named} {shortened(beyond)}"
        )


def _in_the_way(path: Path) -> str:
    return f"{path} is there already; replace it (--overwrite), or give another name"
