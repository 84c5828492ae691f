"""Small masks and entries for projects."""

from fractions import Fraction

import numpy as np

from vos.app.project.actions import perform
from vos.app.project.header import ProjectHeader, SourceRecord
from vos.masks.io import read_index_png

SIZE = (12, 16)
HEADER = ProjectHeader(
    SourceRecord("/videos/clip.mp4", "video", "clip", SIZE, 40, Fraction(30000, 1001)),
    max_size=16,
    backbone={"name": "dino_vits8"},
)
CLICK = {"type": "click", "x": 3, "y": 2, "positive": True}


def mask(rows=(), *, value=1):
    """Return a mask in which these rows are of an object."""
    ids = np.zeros(SIZE, np.uint8)
    ids[list(rows)] = value
    return ids


def add_objects(project, count):
    return [perform(project, {"action": "add_object"})[1]["object"] for _ in range(count)]


def prompt(project, rows, items=(CLICK,), base=None):
    return {"items": list(items), "base": base, "mask": project.put_mask(mask(rows))}


def frame(project, rows_of, origin="propagation", **fields):
    """Return a frame's entry: rows by object."""
    ids = np.zeros(SIZE, np.uint8)
    for number, rows in rows_of.items():
        ids[list(rows)] = number
    areas = {str(n): int((ids == n).sum()) for n in rows_of if (ids == n).any()}
    sure = {str(n): 0.5 for n in rows_of}
    digest = project.put_mask(ids)
    values = {"mask": digest, "areas": areas, "confidence": sure, "origin": origin, "key": None}
    return {**values, **fields}


def rows(ids):
    """Return the object of each row of a mask whose rows are of one."""
    return [int(row[0]) for row in ids]


def files(project, kind):
    """Return the masks in a project's folder by name."""
    paths = sorted((project.folder / kind).glob("*"))
    return {path.stem: rows(read_index_png(path)) for path in paths}


def perform_all(project, *actions):
    for name, fields in actions:
        result = perform(project, {"action": name, **fields})
    return result
