"""Objects as labels: one name each, safe in XML, YAML and names of files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from vos.masks.palette import DAVIS_PALETTE

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NOT_IN_FILES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]+')
_LONGEST_NAME = 80


class ObjectLabels:
    """The objects' names, unique, with colours and places in a list of classes.

    An object that a mask holds and the source does not name is called by its id.

    Args:
        objects: name and RGB colour by object id.
    """

    def __init__(self, objects: Mapping[int, tuple[str, tuple[int, int, int]]]) -> None:
        self._names: dict[int, str] = {}
        self._colors: dict[int, tuple[int, int, int]] = {}
        for object_id, (name, color) in sorted(objects.items()):
            self._add(object_id, name, color)

    def name(self, object_id: int) -> str:
        """Return an object's name; no two objects have the same."""
        if object_id not in self._names:
            red, green, blue = map(int, DAVIS_PALETTE[object_id])
            self._add(object_id, "", (red, green, blue))
        return self._names[object_id]

    def add_missing(self, object_ids: Iterable[int]) -> None:
        """Give names to those objects that have none, after the others."""
        for object_id in object_ids:
            self.name(object_id)

    def color(self, object_id: int) -> tuple[int, int, int]:
        """Return an object's colour, RGB."""
        self.name(object_id)
        return self._colors[object_id]

    def place(self, object_id: int) -> int:
        """Return an object's place among all, from 0; it does not change."""
        self.name(object_id)
        return list(self._names).index(object_id)

    @property
    def ids(self) -> list[int]:
        """The ids of all objects, in the order of their places."""
        return list(self._names)

    def palette(self) -> NDArray[np.uint8]:
        """Return the colour (256, 3) of each id: the objects' own, and DAVIS's elsewhere."""
        palette = DAVIS_PALETTE.copy()
        for object_id, color in self._colors.items():
            palette[object_id] = color
        return palette

    def _add(self, object_id: int, name: str, color: tuple[int, int, int]) -> None:
        given = " ".join(name.split()) or f"object {object_id}"
        unique, number = given, 2
        while unique in self._names.values():
            unique, number = f"{given} ({number})", number + 1
        self._names[object_id] = unique
        self._colors[object_id] = color


def xml_attribute(text: str) -> str:
    """Return a text in quotes, as an attribute's value; what XML cannot hold becomes U+FFFD."""
    return quoteattr(_NOT_IN_XML.sub("\ufffd", text))


def xml_text(text: str) -> str:
    """Return a text as an element's content; what XML cannot hold becomes U+FFFD."""
    safe = _NOT_IN_XML.sub("\ufffd", text)
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def yaml_text(text: str) -> str:
    """Return a text in double quotes for YAML; letters outside of ASCII stay where they print."""
    return '"' + "".join(map(_yaml_letter, text)) + '"'


def _yaml_letter(letter: str) -> str:
    code = ord(letter)
    if letter in '"\\':
        return "\\" + letter
    if letter.isprintable():
        return letter
    if 0xD800 <= code < 0xE000:  # half of a pair, which no encoding holds
        return "\ufffd"
    return f"\\U{code:08X}" if code > 0xFFFF else f"\\u{code:04X}"


def file_stem(name: str) -> str:
    """Return a name that every system takes for a file, without its ending."""
    safe = _NOT_IN_FILES.sub("_", name).strip(" .")
    return safe[:_LONGEST_NAME].rstrip(" .") or "video"
