"""CVAT for video 1.1: a track for each object, with a polygon as key frame on every frame.

CVAT imports no tracks of masks, but tracks of polygons, one polygon a frame. An object in several
pieces therefore takes several tracks, which are in one group.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vos.app.exports.labels import ObjectLabels, xml_attribute, xml_text
from vos.app.exports.losses import MaskLosses
from vos.app.exports.source import ExportSource, MarkedFrame
from vos.video.frames import Frame

_TrackKey = tuple[int, int]
"""The piece's place, 0 for the largest, and the object's id: the order of the tracks."""


@dataclass
class _Track:
    path: Path
    """What is written of the track so far."""
    points: str = ""
    """Of the last polygon."""
    last: int = -1
    """The last frame that it is visible in."""
    is_open: bool = False


class CvatWriter:
    """Writes annotations.xml. Tracks grow in files of their own, as each is one element.

    Args:
        folder: an empty folder, for the tracks until they are put together.
        source: the video's name, length, size and objects.
        labels: the objects' names.
    """

    def __init__(self, folder: Path, source: ExportSource, labels: ObjectLabels) -> None:
        self.path = folder / "annotations.xml"
        self._folder = folder
        self._source = source
        self._labels = labels
        self._losses = MaskLosses()
        self._tracks: dict[_TrackKey, _Track] = {}

    def write(self, marked: MarkedFrame) -> None:
        """Add a polygon to each visible track, and end the others."""
        self._losses.add(marked)
        visible: dict[_TrackKey, str] = {}
        for object_id, pieces in marked.outlines.items():
            for place, piece in enumerate(pieces):
                text = ";".join(f"{x:.10g},{y:.10g}" for x, y in piece.points.tolist())
                visible[place, object_id] = text
        for key, points in visible.items():
            self._show(key, marked.number, points)
        self._end_others(set(visible), marked.number)

    def write_unmarked(self, frame: Frame) -> None:
        """End all tracks: nothing is known of them here."""
        self._end_others(set(), frame.index)

    def finish(self) -> None:
        """Put header and tracks together."""
        for key, track in self._tracks.items():
            if track.is_open and track.last + 1 < self._source.count:
                self._end(key, track.last + 1)
        with self.path.open("wb") as out:
            out.write("".join(self._header()).encode())
            for number, (key, track) in enumerate(sorted(self._tracks.items())):
                self._copy(number, key[1], track, out)
            out.write(b"</annotations>\n")

    def losses(self) -> list[str]:
        """Say what became of holes, pieces and void."""
        return [
            *self._losses.joined_holes(),
            *self._losses.further_pieces("is a track of its own, in one group with its object"),
            *self._losses.void(),
        ]

    def _show(self, key: _TrackKey, frame: int, points: str) -> None:
        if key not in self._tracks:
            self._tracks[key] = _Track(self._folder / f"track-{key[0]}-{key[1]}")
        track = self._tracks[key]
        track.points, track.last, track.is_open = points, frame, True
        self._add(track, frame, outside=False)

    def _end_others(self, visible: set[_TrackKey], frame: int) -> None:
        for key, track in self._tracks.items():
            if track.is_open and key not in visible:
                self._end(key, frame)

    def _end(self, key: _TrackKey, frame: int) -> None:
        """Mark the track as outside from a frame on."""
        track = self._tracks[key]
        track.is_open = False
        self._add(track, frame, outside=True)

    @staticmethod
    def _add(track: _Track, frame: int, *, outside: bool) -> None:
        with track.path.open("a", encoding="ascii") as handle:
            handle.write(
                f'    <polygon frame="{frame}" outside="{outside:d}" occluded="0" keyframe="1" '
                f'points="{track.points}" z_order="0"></polygon>\n'
            )

    def _copy(self, number: int, object_id: int, track: _Track, out: IO[bytes]) -> None:
        several = (1, object_id) in self._tracks
        group = f' group_id="{object_id}"' if several else ""
        label = xml_attribute(self._labels.name(object_id))
        start = f'  <track id="{number}" label={label} source="auto"{group}>\n'
        out.write(start.encode())
        with track.path.open("rb") as handle:
            shutil.copyfileobj(handle, out)
        out.write(b"  </track>\n")
        track.path.unlink()

    def _header(self) -> Iterator[str]:
        height, width = self._source.size
        yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        yield f"  <meta>\n    <task>\n      <name>{xml_text(self._source.name)}</name>\n"
        yield f"      <size>{self._source.count}</size>\n      <mode>interpolation</mode>\n"
        yield "      <overlap>0</overlap>\n      <flipped>False</flipped>\n"
        yield f"      <start_frame>0</start_frame>\n      <stop_frame>{self._source.count - 1}"
        yield "</stop_frame>\n      <labels>\n"
        for object_id in self._labels.ids:
            red, green, blue = self._labels.color(object_id)
            yield f"        <label>\n          <name>{xml_text(self._labels.name(object_id))}"
            yield f"</name>\n          <color>#{red:02x}{green:02x}{blue:02x}</color>\n"
            yield "          <type>any</type>\n          <attributes></attributes>\n"
            yield "        </label>\n"
        yield "      </labels>\n      <original_size>\n"
        yield f"        <width>{width}</width>\n        <height>{height}</height>\n"
        yield "      </original_size>\n    </task>\n  </meta>\n"
