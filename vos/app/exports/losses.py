"""What polygons and codes cannot hold of masks, counted over the frames and said in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field

from vos.app.exports.source import MarkedFrame


@dataclass
class Count:
    """How many of something there are, of which objects and in which frames."""

    number: int = 0
    objects: set[int] = field(default_factory=set)
    frames: int = 0
    _last: int = -1

    def add(self, number: int, object_id: int, frame: int) -> None:
        """Count `number` more of an object in a frame."""
        if number:
            self.number += number
            self.objects.add(object_id)
            self.frames += frame != self._last
            self._last = frame

    def of(self, one: str, many: str) -> str:
        """Say the count: "3 holes of 2 objects in 5 frames"."""
        return (
            f"{counted(self.number, one, many)} of {counted(len(self.objects), 'object')} in "
            f"{counted(self.frames, 'frame')}"
        )


class MaskLosses:
    """Holes, further pieces and void pixels of the masks seen so far."""

    def __init__(self) -> None:
        self.holes = Count()
        self.pieces = Count()
        self._void_frames = 0

    def add(self, marked: MarkedFrame) -> None:
        """Count what a frame's polygons are made of."""
        for object_id, pieces in marked.outlines.items():
            self.holes.add(sum(piece.holes for piece in pieces), object_id, marked.number)
            self.pieces.add(len(pieces) - 1, object_id, marked.number)
        self.add_void(marked)

    def add_void(self, marked: MarkedFrame) -> None:
        """Count a frame with void pixels."""
        self._void_frames += marked.has_void

    def joined_holes(self) -> list[str]:
        """Say what polygons make of holes."""
        if not self.holes.number:
            return []
        said = self.holes.of("hole", "holes")
        verb = "is" if self.holes.number == 1 else "are"
        return [f"{said} {verb} joined to the outline by a line of no width; no pixel is lost."]

    def further_pieces(self, become: str) -> list[str]:
        """Say what becomes of the pieces of an object beside its largest one."""
        if not self.pieces.number:
            return []
        said = self.pieces.of("further piece", "further pieces")
        return [f"{said}: each {become}."]

    def void(self) -> list[str]:
        """Say that void pixels are lost."""
        if not self._void_frames:
            return []
        frames = counted(self._void_frames, "frame")
        return [f"Void (255), which this format does not have, became background in {frames}."]


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"
