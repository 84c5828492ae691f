"""Reading pickled checkpoints without running code, and saying what a refused one asks for.

PyTorch's restricted unpickler builds tensors and plain containers alone. Good checkpoints hold more
beside their tensors: numbers of NumPy, paths, settings. These names are given stand-ins defined
here, which keep the value and run nothing of the library that is named.
"""

from __future__ import annotations

import argparse
import io
import pickle
import pickletools
import re
import struct
import warnings
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
import torch

from vos.errors import InputError

_DAMAGE = (
    RuntimeError, EOFError, ValueError, KeyError, AttributeError, IndexError, OSError, struct.error,
    TypeError, OverflowError, AssertionError, MemoryError,
)  # fmt: skip
"""What PyTorch raises on files that are cut short or are none of its own."""
_SCANNED = 1 << 26  # bytes of a refused pickle that are searched for names
_PICKLES = 5  # PyTorch's old form begins with as many
_TENSOR_PARTS = re.compile(
    r"torch\.\w*(Storage|Tensor|Size|device|int\d+|float\d+\w*|bool)|torch\._utils\..*"
    r"|torch\._tensor\..*|torch\.(storage|nn\.parameter|serialization)\..*"
    r"|collections\.(OrderedDict|Counter)|_codecs\.encode|argparse\.Namespace"
    r"|(builtins|__builtin__)\.(set|bytearray|complex)"
)
"""Names that the restricted unpickler allows by itself."""
_NUMBER = re.compile(r"[biufc]\d{1,2}")


class _Inert:
    """Stands for an object beside the tensors; it keeps what was stored and does nothing."""

    def __init__(self, *stored: Any) -> None:
        self.stored: Any = stored

    def __setstate__(self, state: Any) -> None:
        self.stored = state


class _Dtype:
    """Stands for `numpy.dtype`."""

    def __init__(self, code: str, *_: Any) -> None:
        self.code = str(code)
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in {"<", ">"}:
            self.order = state[1]


def _scalar(dtype: _Dtype, data: Any = b"") -> Any:
    """Return a number of NumPy as Python's own."""
    if not _NUMBER.fullmatch(dtype.code) or not isinstance(data, bytes):
        return _Inert(dtype.code)
    return np.frombuffer(data, dtype.order + dtype.code, count=1)[0].item()


def _array(kind: Any = None, *_: Any) -> Any:
    """Stand for an array of NumPy; weights are tensors, so its values are not needed."""
    return kind() if isinstance(kind, type) and issubclass(kind, _Inert) else _Inert()


class _Settings:
    """Stands for a dictionary with attributes, as an `OrderedDict`, which alone may be filled."""

    def __new__(cls, *_: Any) -> Any:
        return OrderedDict()


def _defaultdict(*_: Any) -> OrderedDict[Any, Any]:
    return OrderedDict()


_SETTINGS = (
    "omegaconf.dictconfig.DictConfig", "omegaconf.listconfig.ListConfig",
    "omegaconf.base.ContainerMetadata", "omegaconf.base.Metadata", "omegaconf.nodes.AnyNode",
    "omegaconf.nodes.StringNode", "omegaconf.nodes.IntegerNode", "omegaconf.nodes.FloatNode",
    "omegaconf.nodes.BooleanNode", "typing.Any",
    "mmengine.logging.history_buffer.HistoryBuffer",
)  # fmt: skip
_STAND_INS: dict[str, Callable[..., Any]] = {
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray._reconstruct": _array for core in ("core", "_core")},
    "numpy.dtype": _Dtype,
    "numpy.ndarray": _Inert,
    **{
        f"pathlib{part}.{name}": PureWindowsPath if "Windows" in name else PurePosixPath
        for part in ("", "._local")
        for name in ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")
    },
    "collections.defaultdict": _defaultdict,
    **{
        f"{module}.AttributeDict": _Settings
        for module in (
            "pytorch_lightning.utilities.parsing", "lightning.pytorch.utilities.parsing",
            "lightning_fabric.utilities.data", "lightning.fabric.utilities.data",
        )
    },
    **{f"builtins.{kind.__name__}": kind for kind in (dict, list, tuple, int, float, str, bool)},
    **dict.fromkeys(_SETTINGS, _Inert),
}  # fmt: skip


def read_pickle(path: Path) -> Any:
    """Read a file that `torch.save` wrote, without running any code that it carries.

    Returns:
        What the file holds; tensors are on the CPU. NumPy's numbers are Python's, paths are pure
        paths, arrays and settings of other libraries are stand-ins.

    Raises:
        InputError: it is damaged, or its pickle asks for anything beyond tensors, plain containers
            and the names that have stand-ins.
    """
    allowed = [argparse.Namespace, *(_named(n, s) for n, s in _STAND_INS.items())]
    try:
        with torch.serialization.safe_globals(allowed), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # advice on pickle protocols
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(_refusal(path, error)) from None
    except _DAMAGE as error:
        names = _refused_names(path)
        raise InputError(
            _refusal(path, error)
            if names
            else f"{path} cannot be read as a checkpoint ({first_line(error)}); it is damaged or "
            "cut short. Download or copy it again"
        ) from None


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, cut to 160 characters, or its kind."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:160]


def _named(name: str, stand_in: Callable[..., Any]) -> Any:
    """Return a stand-in under the name that it stands for, by which the unpickler looks it up."""
    module, _, last = name.rpartition(".")
    if module == "builtins":
        return stand_in
    if isinstance(stand_in, type) and issubclass(stand_in, (_Inert, _Dtype, _Settings)):
        return type(last, (stand_in,), {"__module__": module, "__qualname__": last})

    def call(*values: Any) -> Any:
        return stand_in(*values)

    call.__module__, call.__qualname__, call.__name__ = module, last, last
    return call


def _refusal(path: Path, error: Exception) -> str:
    stated = re.search(r"(?:GLOBAL|global:) ([\w.]+)(?: was not| whose)", str(error))
    names = _refused_names(path)
    first = stated[1] if stated else (names[0] if names else None)
    if first is None:
        return (
            f"{path} is no checkpoint that PyTorch's restricted unpickler can read; it is damaged, "
            "of another format, or written with another pickle protocol than torch.save's own. "
            "Nothing of it was run"
        )
    if any(name.startswith("torch.nn.modules.") for name in names):
        return (
            f"{path} holds a whole model: its pickle asks for {first}, and cannot be read without "
            "running that code. Nothing of it was run. Save the model's state_dict() where its "
            "code is, by torch.save(model.state_dict(), FILE), and give that file"
        )
    return (
        f"{path} is refused: its pickle asks to run {first}, which a checkpoint of tensors "
        "does not need. Nothing of it was run. Get the weights from a source you trust, as "
        ".safetensors or a plain state dict"
    )


def _refused_names(path: Path) -> list[str]:
    """List what a pickle asks for beyond what is allowed, without unpickling it."""
    try:
        asked = dict.fromkeys(_asked_names(_pickle_bytes(path)))
    except (*_DAMAGE, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return []
    return [n for n in asked if n not in _STAND_INS and not _TENSOR_PARTS.fullmatch(n)]


def _pickle_bytes(path: Path) -> bytes:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return file.read(_SCANNED)
    with zipfile.ZipFile(path) as archive:
        name = next((n for n in archive.namelist() if n.endswith("data.pkl")), None)
        if name is None:
            return b""
        with archive.open(name) as file:
            return file.read(_SCANNED)


def _asked_names(data: bytes) -> Iterator[str]:
    """Give the dotted names in the pickles at a file's start, until what is none."""
    stream = io.BytesIO(data)
    for _ in range(_PICKLES):
        texts: list[str] = []
        memo: dict[int, str] = {}
        try:
            for code, value, _position in pickletools.genops(stream):
                if code.name in {"GLOBAL", "INST"}:
                    yield str(value).replace(" ", ".")
                elif code.name == "STACK_GLOBAL" and len(texts) > 1:
                    yield ".".join(texts[-2:])
                elif code.name == "MEMOIZE":
                    memo[len(memo)] = texts[-1] if texts else ""
                elif "GET" in code.name:
                    texts.append(memo.get(int(value or 0), ""))
                elif isinstance(value, str):
                    texts.append(value)
        except _DAMAGE:
            return
