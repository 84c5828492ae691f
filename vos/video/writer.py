"""Videos out: H.264 for everyone, ProRes 4444 and VP9 where transparency is wanted (PyAV).

Colours are written as BT.709, limited range, and tagged so. Encoding runs in a thread of its
own behind a bounded queue, and the file appears under its name when it is whole.

Shape letters: H W pixels.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.files import atomic_path
from vos.video.background import WriteBehind
from vos.video.filters import SQUARE, conversion_graph

Codec = Literal["h264", "prores", "vp9"]
_BT709 = 1  # FFmpeg's number for matrix, primaries and transfer
_LIMITED_RANGE = 1
_MAX_DENOMINATOR = 100_000
_AVX_512 = 13  # OpenCV's number for it


@dataclass(frozen=True)
class _Format:
    """How a codec is set up."""

    encoder: str
    pixels: str
    suffix: str
    channels: int
    """3 for RGB, 4 for RGB and alpha."""
    even: bool
    """Whether both sides have to be even."""
    options: dict[str, str] = field(default_factory=dict)
    has_crf: bool = True


def _x264_options() -> dict[str, str]:
    """Return x264's options; its AVX-512 code gives the same frames other files from run to run."""
    wide = {"x264-params": "asm=avx2,fma3,bmi2"} if cv2.checkHardwareSupport(_AVX_512) else {}
    return {"preset": "veryfast", **wide}


_FORMATS: dict[Codec, _Format] = {
    "h264": _Format("libx264", "yuv420p", ".mp4", 3, True, _x264_options()),
    "prores": _Format("prores_ks", "yuva444p10le", ".mov", 4, False,
                      {"profile": "4444", "vendor": "apl0"}, has_crf=False),
    "vp9": _Format("libvpx-vp9", "yuva420p", ".webm", 4, True,
                   {"b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1",
                    "auto-alt-ref": "0"}),
}  # fmt: skip


def encoder_names() -> dict[Codec, str]:
    """Return FFmpeg's encoder of each codec that can be written."""
    return {codec: form.encoder for codec, form in _FORMATS.items()}


class _Encoder:
    """One output file; it is opened at the first frame, by the thread that encodes."""

    def __init__(self, path: Path, fps: Fraction, form: _Format, crf: int) -> None:
        self._path = path
        self._fps = fps
        self._form = form
        self._crf = crf
        self.pixel_aspect = SQUARE
        self._container: Any = None
        self._stream: Any = None
        self._graph: Any = None
        self._count = 0

    def _open(self, frame: Any) -> None:
        """Open the file for frames of this size and build the conversion from RGB."""
        form, fps = self._form, self._fps
        # Nothing random in the container: no track numbers, no version of the encoder.
        self._container = av.open(str(self._path), "w", options={"fflags": "+bitexact"})
        options = {**form.options, "crf": str(self._crf)} if form.has_crf else form.options
        self._stream = self._container.add_stream(form.encoder, rate=fps, options=options)
        self._stream.pix_fmt = form.pixels
        self._stream.width, self._stream.height = frame.width, frame.height
        context = self._stream.codec_context
        context.time_base = 1 / fps
        if self.pixel_aspect != 1:
            context.sample_aspect_ratio = self.pixel_aspect
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        self._graph = conversion_graph(
            frame,
            context.time_base,
            form.pixels,
            options="out_color_matrix=bt709:out_range=tv",
        )

    def add(self, frame: Any) -> None:
        if self._graph is None:
            self._open(frame)
        frame.pts, frame.time_base = self._count, self._stream.codec_context.time_base
        self._count += 1
        self._graph.push(frame)
        self._container.mux(self._stream.encode(self._graph.pull()))

    def finish(self) -> None:
        if self._container is None:
            return
        try:
            if self._count:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


class VideoWriter:
    """A video file that takes frames one by one; use it in a `with` block.

    H.264 and VP9 need even sides: a frame of an odd size gets its last row or column twice.
    If the block raises, or nothing was written, no file is left.

    Args:
        path: the file to write; its ending has to be the codec's (.mp4, .mov, .webm).
        fps: frames per second; a Fraction keeps rates such as 30000/1001 exact.
        codec: "h264" for RGB frames; "prores" or "vp9" for RGB with alpha.
        crf: quality of H.264 and VP9, lower is better and larger.
        queue_size: frames that may wait for the encoder.

    Raises:
        InputError: the file's ending is not the codec's.
        ValueError: the rate is not above 0; a frame of another size, kind or channel count.
        OSError: the file cannot be written. Errors of the thread come out of the next `write`
            or the end of the block.
    """

    def __init__(
        self,
        path: str | Path,
        fps: Fraction | float,
        *,
        codec: Codec = "h264",
        crf: int = 20,
        queue_size: int = 8,
    ) -> None:
        self.path = Path(path)
        self.fps = Fraction(fps).limit_denominator(_MAX_DENOMINATOR)
        if self.fps <= 0:
            raise ValueError(f"expected frames per second above 0, got {fps}")
        self._form = _FORMATS[codec]
        if self.path.suffix.lower() != self._form.suffix:
            raise InputError(f"{path}: a {codec} video has to end in {self._form.suffix}")
        self._crf = crf
        self._shape: tuple[int, ...] | None = None
        self._queue_size = queue_size
        self._stack = ExitStack()

    def __enter__(self) -> VideoWriter:
        beside = self._stack.enter_context(atomic_path(self.path))
        self._encoder = _Encoder(beside, self.fps, self._form, self._crf)
        self._encoding = WriteBehind(
            self._encoder.add, self._queue_size, finish=self._encoder.finish
        )
        self._encoding.start()
        return self

    def _check(self) -> None:
        """Raise what went wrong in the thread; FFmpeg's errors as OSError with the path."""
        error = self._encoding.error
        if isinstance(error, av.FFmpegError):
            raise OSError(error.errno or 0, error.strerror, str(self.path)) from error
        if error is not None:
            raise error

    def write(self, image: NDArray[np.uint8], *, pixel_aspect: Fraction = SQUARE) -> None:
        """Add a frame.

        Args:
            image: RGB (H, W, 3) uint8, or RGBA (H, W, 4) for the codecs with alpha.
            pixel_aspect: a pixel's width to its height; the first frame's is that of the video.
                WebM files do not keep it.
        """
        self._check()
        if self._shape is None:
            self._shape = image.shape
            self._encoder.pixel_aspect = pixel_aspect.limit_denominator(_MAX_DENOMINATOR)
        good = image.dtype == np.uint8 and image.ndim == 3
        if not good or image.shape[2] != self._form.channels or image.shape != self._shape:
            raise ValueError(
                f"expected frames (H, W, {self._form.channels}) of uint8 of one size, "
                f"got {image.shape} of {image.dtype} after {self._shape}"
            )
        height, width = image.shape[:2]
        if self._form.even and (height % 2 or width % 2):
            image = np.asarray(
                cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            )
        kind = "rgb24" if self._form.channels == 3 else "rgba"
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=kind)
        self._encoding.put(frame)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._encoding.close(drop=error is not None)
        with self._stack:
            if error is not None:
                raise error
            self._check()
            if self._shape is None:
                raise ValueError(f"{self.path}: no frame was written")
