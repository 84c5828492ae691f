"""LabelMe: a JSON file for each frame, with polygons; an object's pieces are a group."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vos.app.exports.labels import ObjectLabels
from vos.app.exports.losses import MaskLosses
from vos.app.exports.source import MarkedFrame
from vos.files import write_png
from vos.video.frames import Frame

_VERSION = "5.5.0"
"""Of LabelMe, whose form of files this is."""


class LabelmeWriter:
    """Writes `<frame>.json`, and `<frame>.png` beside it on request.

    Args:
        folder: where the files go.
        labels: the objects' names.
        pictures: whether the frames are written.
        suffix: ending of the pictures' names where they are not written.
    """

    def __init__(
        self, folder: Path, labels: ObjectLabels, *, pictures: bool, suffix: str = ".png"
    ) -> None:
        self._folder = folder
        self._labels = labels
        self._pictures = pictures
        self._suffix = ".png" if pictures else suffix
        self._losses = MaskLosses()

    def write(self, marked: MarkedFrame) -> None:
        """Write a frame's file; one of a frame without objects holds no shapes."""
        self._losses.add(marked)
        height, width = marked.result.ids.shape
        document = {
            "version": _VERSION,
            "flags": {},
            "shapes": self._shapes(marked),
            "imagePath": marked.name + self._suffix,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        path = self._folder / f"{marked.name}.json"
        path.write_text(json.dumps(document), encoding="ascii", newline="\n")
        if self._pictures:
            image = marked.result.frame.image
            write_png(self._folder / f"{marked.name}.png", image, level=1)

    def _shapes(self, marked: MarkedFrame) -> list[dict[str, Any]]:
        return [
            {
                "label": self._labels.name(object_id),
                "points": piece.points.tolist(),
                "group_id": object_id,
                "description": "",
                "shape_type": "polygon",
                "flags": {},
            }
            for object_id, pieces in marked.outlines.items()
            for piece in pieces
        ]

    def write_unmarked(self, frame: Frame) -> None:
        """Leave the frame out."""

    def finish(self) -> None:
        """Nothing is left to write."""

    def losses(self) -> list[str]:
        """Say what became of holes and void; pieces are kept, as a group."""
        return [*self._losses.joined_holes(), *self._losses.void()]
