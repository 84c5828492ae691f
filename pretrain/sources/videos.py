"""Frames of videos as training images, drawn over each video's whole length.

Random access by decord; where decord has no wheel or cannot open a file, PyAV seeks instead.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from pretrain.sources.contents import hash_of_files
from pretrain.sources.decode import BrokenImageError
from pretrain.sources.source import ListedSource, NameTable

_OPEN_VIDEOS = 4


class VideoSource(ListedSource):
    """So many samples a video; each is a frame from its own stretch of the video.

    Args:
        root: the folder that the names start from.
        names: videos, relative to `root`.
        frames_per_video: samples that a video counts for in one epoch.
    """

    kind = "videos"

    def __init__(self, root: Path, names: Sequence[str], frames_per_video: int) -> None:
        super().__init__()
        self.root = root
        self.frames_per_video = frames_per_video
        self.names = NameTable(names)
        self._readers: OrderedDict[str, Any] = OrderedDict()

    def __len__(self) -> int:
        return len(self.names) * self.frames_per_video

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_readers": OrderedDict()}

    def name(self, index: int) -> str:
        """Return the video's name and the number of the stretch."""
        video, part = divmod(index, self.frames_per_video)
        return f"{self.names[video]}#{part}"

    def read(self, index: int, random: np.random.Generator) -> np.ndarray:
        """Return a frame drawn uniformly from the sample's stretch, (H, W, 3) uint8 RGB."""
        video, part = divmod(index, self.frames_per_video)
        place = (part + float(random.random())) / self.frames_per_video
        path = str(self.root / self.names[video])
        reader = self._reader(path)
        if reader is None:
            return frame_by_seeking(path, place)
        try:
            number = min(int(place * len(reader)), len(reader) - 1)
            frame: np.ndarray = reader[number].asnumpy()
        except Exception:  # decord raises its own error types for each kind of damage
            return frame_by_seeking(path, place)
        return frame

    def contents(self) -> str:
        """Return a hash of the sizes of all videos and the sums of what some begin with."""
        return hash_of_files(lambda index: self.root / self.names[index], len(self.names))

    def _reader(self, path: str) -> Any:
        """Return decord's reader, one of the last few kept open, or None where there is none."""
        if path in self._readers:
            self._readers.move_to_end(path)
            return self._readers[path]
        self._readers[path] = _open_with_decord(path)
        if len(self._readers) > _OPEN_VIDEOS:
            self._readers.popitem(last=False)
        return self._readers[path]


def _open_with_decord(path: str) -> Any:
    try:
        import decord
    except ImportError:
        return None
    decord.logging.set_level(decord.logging.FATAL)
    try:
        reader = decord.VideoReader(path, num_threads=1)
        return reader if len(reader) else None
    except Exception:  # whatever decord cannot open, PyAV tries
        return None


def frame_by_seeking(path: str, place: float) -> np.ndarray:
    """Decode the frame at a share `place` (0 to 1) of a video's duration.

    Returns:
        (H, W, 3) uint8 RGB, turned upright as the metadata say.

    Raises:
        BrokenImageError: the video cannot be opened, or holds no frame.
    """
    try:
        with av.open(path) as container:
            if not container.streams.video:
                raise BrokenImageError("no video stream")
            stream = container.streams.video[0]
            duration = container.duration or 0  # microseconds
            target = (container.start_time or 0) + int(place * duration)
            container.seek(target, backward=True)
            latest = None
            for frame in container.decode(stream):
                latest = frame
                if frame.time is None or frame.time * 1e6 >= target:
                    break
            if latest is None:
                raise BrokenImageError("no frame could be decoded")
            upright = np.rot90(latest.to_ndarray(format="rgb24"), latest.rotation // 90)
            return np.ascontiguousarray(upright)
    except (av.FFmpegError, OSError) as error:
        raise BrokenImageError(str(error)) from error
