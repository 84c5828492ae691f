"""Read a pickle of plain data without running what it asks for.

A pickle may name any function to call; here it may hold numbers, texts, lists, dicts and numeric
numpy arrays, and every other name is refused. The truth of TAP-Vid (C. Doersch et al., arXiv
2211.03726) and of revisited Oxford and Paris (F. Radenovic et al., CVPR 2018) is published so.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vos.errors import InputError


def load_plain_pickle(path: Path) -> Any:
    """Return the contents; numpy arrays stay arrays.

    Raises:
        InputError: the file is missing, damaged, or holds anything but plain data.
    """
    try:
        with path.open("rb") as handle:
            return _PlainUnpickler(handle, encoding="latin1").load()
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception as error:  # a damaged pickle may fail in any way
        raise InputError(f"{path} cannot be read as a pickle ({error})") from None


def _latin1(text: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, by which newer pickles write bytes."""
    if encoding != "latin1":
        raise InputError(f"asks for the codec {encoding!r}; it is not plain data")
    return text.encode("latin1")


def _rebuilt(kind: str, shape: tuple[int, ...], code: bytes) -> np.ndarray[Any, Any]:
    """Stand in for numpy's `_reconstruct`: an empty array that the pickle then fills."""
    if kind != _NDARRAY or tuple(shape) != (0,):
        raise InputError("holds an array that is not a plain numpy array")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _numpy_number(kind: np.dtype[Any], data: bytes) -> Any:
    """Stand in for numpy's `scalar`."""
    if kind.kind not in "biuf" or not isinstance(data, bytes):
        raise InputError("holds a numpy value that is no number")
    return np.frombuffer(data, kind, count=1)[0]


def _from_buffer(
    data: bytes | bytearray, kind: np.dtype[Any], shape: tuple[int, ...], order: str, *rest: Any
) -> np.ndarray[Any, Any]:
    """Stand in for numpy's `_frombuffer`, by which pickles of protocol 5 hold arrays."""
    if rest or kind.kind not in "biufSU" or not isinstance(data, (bytes, bytearray)):
        raise InputError("holds an array that is not a plain numpy array")
    values = np.frombuffer(data, kind)
    return values.reshape(shape, order="F" if order == "F" else "C")  # as the pickle says


def _plain_dtype(code: Any, *rest: Any) -> np.dtype[Any]:
    """Stand in for numpy's `dtype`: numbers and texts of fixed length alone."""
    # A copy: the pickle sets its byte order, and numpy's own is shared and stays as it is.
    kind: np.dtype[Any] = np.dtype(code, False, True)
    if kind.kind not in "biufSU" or kind.fields:
        raise InputError(f"holds an array of {code!r}; expected numbers or texts")
    return kind


_NDARRAY = "numpy.ndarray"
"""Stands for the class, which pickles only hand on: a text cannot be called."""


_ALLOWED: dict[tuple[str, str], Callable[..., Any] | str] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _plain_dtype,
    ("_codecs", "encode"): _latin1,
}


for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    _ALLOWED[_module, "_reconstruct"] = _rebuilt
    _ALLOWED[_module, "scalar"] = _numpy_number


for _module in ("numpy.core.numeric", "numpy._core.numeric"):
    _ALLOWED[_module, "_frombuffer"] = _from_buffer


class _PlainUnpickler(pickle.Unpickler):
    """Knows the names that numpy's arrays are made of, and no others."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for an allowed name."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise InputError(
                f"asks for {module}.{name}, which plain data have no need of; it was not run"
            ) from None
