"""YOLO segmentation: a text file for each frame, with a class and a polygon on each line."""

from __future__ import annotations

from pathlib import Path

from vos.app.exports.labels import ObjectLabels, yaml_text
from vos.app.exports.losses import MaskLosses
from vos.app.exports.source import MarkedFrame
from vos.files import write_png
from vos.video.frames import Frame

_LABELS, _IMAGES = "labels/train", "images/train"


class YoloWriter:
    """Writes `labels/train/<frame>.txt`, `data.yaml`, and `images/train/<frame>.png` on request.

    Each object is a class of its own, in the order of their ids.

    Args:
        folder: what becomes the data set's folder.
        labels: the objects' names.
        pictures: whether the frames are written.
    """

    def __init__(self, folder: Path, labels: ObjectLabels, *, pictures: bool) -> None:
        self._folder = folder
        self._labels = labels
        self._pictures = pictures
        self._losses = MaskLosses()
        (folder / _LABELS).mkdir(parents=True)

    def write(self, marked: MarkedFrame) -> None:
        """Write a frame's lines; a frame without objects has an empty file."""
        self._losses.add(marked)
        height, width = marked.result.ids.shape
        lines = []
        for object_id, pieces in marked.outlines.items():
            place = self._labels.place(object_id)
            for piece in pieces:
                shares = (piece.points / (width, height)).ravel().tolist()
                lines.append(" ".join([str(place), *(f"{share:.9g}" for share in shares)]) + "\n")
        text = self._folder / _LABELS / f"{marked.name}.txt"
        text.write_text("".join(lines), encoding="ascii", newline="\n")
        if self._pictures:
            image = marked.result.frame.image
            write_png(self._folder / _IMAGES / f"{marked.name}.png", image, level=1)

    def write_unmarked(self, frame: Frame) -> None:
        """Leave the frame out: an empty file would say that no object is there."""

    def finish(self) -> None:
        """Write `data.yaml`."""
        names = [
            f"  {self._labels.place(object_id)}: {yaml_text(self._labels.name(object_id))}\n"
            for object_id in self._labels.ids
        ]
        start = f"train: {_IMAGES}\nval: {_IMAGES}\nnames:\n"
        text = start + "".join(names)
        (self._folder / "data.yaml").write_text(text, encoding="utf-8", newline="\n")

    def losses(self) -> list[str]:
        """Say what became of holes, pieces and void."""
        become = "is a line of its own, which YOLO takes for another object of the class"
        return [
            *self._losses.joined_holes(),
            *self._losses.further_pieces(become),
            *self._losses.void(),
        ]
