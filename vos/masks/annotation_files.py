"""Masks from annotation tools: LabelMe JSON, COCO JSON (polygons and run lengths), CVAT XML 1.1.

Every shape, track or annotation is an object, numbered from 1 in the file's order; shapes of one
group (LabelMe's group_id) are one object, later shapes lie over earlier ones.

Shape letters: H W pixels, N points.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any
from xml.parsers import expat

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.masks.ids import MAX_ID
from vos.masks.rle import decode_rle

SUFFIXES = frozenset({".json", ".xml"})
Labelled = tuple[NDArray[np.uint8], dict[int, str]]
_MOST_BYTES = 256 << 20
_CVAT_SHAPES = frozenset({"polygon", "box", "mask"})
_MOST_PIXELS = 1 << 28


def read_annotations(path: Path, frame_name: str | None = None) -> Labelled:
    """Read the objects of one picture from a file of LabelMe, COCO or CVAT.

    Args:
        path: a .json or .xml file.
        frame_name: the stem of the frame wanted; needed where a file is of several pictures.

    Returns:
        The ids (H, W), and each object's label: with its group or track, where it has one.

    Raises:
        InputError: not such a file, too large, no objects for the frame, or more than 254.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path} is larger than {_MOST_BYTES >> 20} MiB; export fewer pictures")
    try:
        if path.suffix.lower() == ".xml":
            return _read_cvat(path, frame_name)
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        if isinstance(document, dict) and "shapes" in document:
            return _read_labelme(document, path)
        if isinstance(document, dict) and {"images", "annotations"} <= set(document):
            return _read_coco(document, path, frame_name)
    except expat.ExpatError as error:
        raise InputError(f"{path}: not readable XML ({error})") from None
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, OverflowError) as error:
        raise InputError(f"{path}: a damaged or unknown annotation file ({error!r})") from None
    raise InputError(f"{path}: expected JSON of LabelMe (shapes) or COCO (images, annotations)")


def _canvas(height: Any, width: Any, path: Path) -> NDArray[np.uint8]:
    height, width = int(float(height)), int(float(width))
    if not (height > 0 and width > 0 and height * width <= _MOST_PIXELS):
        raise InputError(f"{path}: a picture of {width}x{height} pixels; expected its real size")
    return np.zeros((height, width), np.uint8)


def _drawn(ids: NDArray[np.uint8], number: int, points: Any, path: Path) -> None:
    """Fill a polygon of points (N, 2), x and y in pixels from the upper left corner."""
    corners = np.asarray(points, np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
        raise InputError(f"{path}: a polygon of {len(corners)} points; expected 3 or more (x, y)")
    if not np.isfinite(corners).all() or np.abs(corners).max() > 1e5:
        raise InputError(f"{path}: a polygon with points far outside the picture")
    # pixel centres lie at halves; OpenCV counts from centres, in 1/16 pixels
    fixed = np.round((corners - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(ids, [fixed], number, shift=4)


def _box(left: float, top: float, right: float, bottom: float) -> list[tuple[float, float]]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _finished(ids: NDArray[np.uint8], labels: dict[int, str], path: Path) -> Labelled:
    if not labels or not ids.any():
        raise InputError(f"{path}: no objects for this frame; draw a polygon around each object")
    return ids, labels


def _number(count: int, path: Path) -> int:
    if count > MAX_ID:
        raise InputError(f"{path} has {count} objects or more; ids end at {MAX_ID}")
    return count


def _read_labelme(document: Mapping[str, Any], path: Path) -> Labelled:
    ids = _canvas(document["imageHeight"], document["imageWidth"], path)
    groups: dict[Any, int] = {}
    labels: dict[int, str] = {}
    for position, shape in enumerate(document["shapes"]):
        group = shape.get("group_id")
        key = (shape["label"], group) if group is not None else position
        number = groups.setdefault(key, _number(len(groups) + 1, path))
        labels[number] = str(shape["label"]) if group is None else f"{shape['label']} {group}"
        kind, points = shape.get("shape_type", "polygon"), shape["points"]
        if kind == "rectangle":
            (x0, y0), (x1, y1) = points[0], points[-1] if len(points) == 2 else points[2]
            points = _box(x0, y0, x1, y1)
        elif kind == "circle":
            (x, y), (edge_x, edge_y) = points
            angles, radius = np.linspace(0, 2 * np.pi, 90), np.hypot(edge_x - x, edge_y - y)
            points = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
        elif kind != "polygon":
            raise InputError(f"{path}: a shape of kind {kind}; expected polygons")
        _drawn(ids, number, points, path)
    return _finished(ids, labels, path)


def _chosen(names: Sequence[str], frame_name: str | None, path: Path) -> int:
    """Return the place of the picture of that name; the only one is it in any case."""
    stems = [PurePath(name.replace("\\", "/")).stem for name in names]
    if frame_name in stems:
        return stems.index(frame_name)
    if len(names) == 1:
        return 0
    raise InputError(
        f"{path} is of {len(names)} pictures ({', '.join(names[:3])}, ...), and none is named as "
        f"the frame {frame_name}; give the frame's own file, or frames of these names"
    )


def _read_coco(document: Mapping[str, Any], path: Path, frame: str | None) -> Labelled:
    images = document["images"]
    image = images[_chosen([str(i["file_name"]) for i in images], frame, path)]
    ids = _canvas(image["height"], image["width"], path)
    shapes = [a for a in document["annotations"] if a["image_id"] == image["id"]]
    names = {c["id"]: str(c["name"]) for c in document.get("categories", ())}
    labels: dict[int, str] = {}
    for position, annotation in enumerate(shapes, 1):
        number = _number(position, path)
        category = annotation.get("category_id")
        labels[number] = names.get(category, str(category))
        code = annotation["segmentation"]
        if isinstance(code, Mapping):
            if [int(side) for side in code["size"]] != list(ids.shape):
                raise InputError(f"{path}: a code of size {code['size']}, picture {ids.shape}")
            ids[decode_rle(dict(code))] = number
            continue
        for polygon in code:
            _drawn(ids, number, np.reshape(np.asarray(polygon, np.float64), (-1, 2)), path)
    return _finished(ids, labels, path)


def _refuse_entities(*_arguments: Any) -> None:
    raise ValueError("a document type or entities, which annotation files do not have")


def _elements(path: Path) -> list[tuple[str, dict[str, str], int, list[str]]]:
    """Return all elements: tag, attributes, place of the parent or -1, and text. No entities."""
    found: list[tuple[str, dict[str, str], int, list[str]]] = []
    parents = [-1]

    def start(tag: str, attributes: dict[str, str]) -> None:
        found.append((tag, attributes, parents[-1], []))
        parents.append(len(found) - 1)

    def text(part: str) -> None:
        found[parents[-1]][3].append(part)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_entities
    parser.EntityDeclHandler = _refuse_entities
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _tag: parents.pop()
    parser.CharacterDataHandler = text
    parser.Parse(path.read_bytes(), True)
    return found


def _read_cvat(path: Path, frame: str | None) -> Labelled:
    elements = _elements(path)
    if elements[0][0] != "annotations":
        raise InputError(f"{path}: expected XML of CVAT (annotations), got <{elements[0][0]}>")
    images = [place for place, element in enumerate(elements) if element[0] == "image"]
    labels: dict[int, str] = {}
    if images:
        chosen = images[_chosen([elements[i][1]["name"] for i in images], frame, path)]
        size = elements[chosen][1]
        ids = _canvas(size["height"], size["width"], path)
        shapes = [(tag, a) for tag, a, parent, _ in elements if parent == chosen]
        for tag, attributes in (shape for shape in shapes if shape[0] in _CVAT_SHAPES):
            number = _number(len(labels) + 1, path)
            labels[number] = attributes.get("label", "")
            _draw_cvat(ids, number, tag, attributes, path)
        return _finished(ids, labels, path)
    text = {tag: "".join(parts) for tag, _, _, parts in elements if tag in {"width", "height"}}
    ids = _canvas(text.get("height", 0), text.get("width", 0), path)
    wanted = int(frame) if frame is not None and frame.isdecimal() else 0
    places = [place for place, element in enumerate(elements) if element[0] == "track"]
    tracks = {place: number for number, place in enumerate(places, 1)}
    for tag, attributes, parent, _ in elements:
        if parent not in tracks or tag not in _CVAT_SHAPES or attributes.get("outside") == "1":
            continue
        if int(attributes.get("frame", -1)) == wanted:
            number = _number(tracks[parent], path)
            track = elements[parent][1]
            labels[number] = f"{track.get('label', '')} {track.get('id', number)}"
            _draw_cvat(ids, number, tag, attributes, path)
    return _finished(ids, labels, path)


def _draw_cvat(
    ids: NDArray[np.uint8], number: int, tag: str, attributes: Mapping[str, str], path: Path
) -> None:
    """Draw a polygon, box or mask (run lengths by rows within its box, background first)."""
    if tag == "polygon":
        pairs = [point.split(",") for point in attributes["points"].split(";")]
        _drawn(ids, number, [(float(x), float(y)) for x, y in pairs], path)
    elif tag == "box":
        left, top, right, bottom = (float(attributes[n]) for n in ("xtl", "ytl", "xbr", "ybr"))
        _drawn(ids, number, _box(left, top, right, bottom), path)
    else:
        left, top, width, height = (
            int(float(attributes[n])) for n in ("left", "top", "width", "height")
        )
        counts = np.array([int(run) for run in attributes["rle"].split(",")])
        if min(left, top) < 0 or counts.min() < 0 or counts.sum() != width * height:
            raise InputError(f"{path}: a mask whose run lengths do not fill its box")
        if top + height > ids.shape[0] or left + width > ids.shape[1]:
            raise InputError(f"{path}: a mask that lies outside its picture")
        inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(height, width)
        ids[top : top + height, left : left + width][inside] = number
