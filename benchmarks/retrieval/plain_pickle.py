"""The truth of revisited Oxford and Paris: a pickle as lists, dicts and numbers of Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vos.datasets.plain_pickle import load_plain_pickle
from vos.errors import InputError


def read_plain_pickle(path: Path) -> Any:
    """Return the contents, numpy arrays and numbers as lists and numbers of Python.

    Raises:
        InputError: the file is missing, damaged, or holds anything but plain data.
    """
    contents = load_plain_pickle(path)
    try:
        return plain(contents)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def plain(value: Any) -> Any:
    """Turn numpy arrays and numbers into Python's, all the way down.

    Raises:
        InputError: something in it is not plain data.
    """
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufSU":
        return plain(value.tolist())
    raise InputError(f"holds a {type(value).__name__}; expected plain data alone")
