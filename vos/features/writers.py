"""Files of features: one .npz or .safetensors of all frames, or a folder with a file a frame.

A single file grows on disk, not in memory; it holds `patches` (T, ...) and, if asked for,
`class_token` (T, ...), with the frames' names. A folder holds `about.json` and `<frame>.npz`; a
stopped run goes on in it. Shapes: T frames.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vos.errors import InputError
from vos.files import atomic_path, write_json

ABOUT = "about.json"
_SAFETENSORS_TYPES = {"float32": "F32", "float16": "F16"}
_BLOCK = 1 << 22
Arrays = Mapping[str, NDArray[Any]]


class FeatureWriter(ABC):
    """Takes the features of frames one after the other."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether the frame's features are there from a stopped run."""

    @abstractmethod
    def add(self, name: str, arrays: Arrays) -> None:
        """Take a frame's features.

        Raises:
            InputError: they do not fit the frames before, or the name is taken.
        """

    @abstractmethod
    def finish(self) -> None:
        """Make the file whole."""

    def __enter__(self) -> FeatureWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:  # noqa: B027 - not every writer has something to let go of
        """Let go of temporary files."""


def open_writer(out: Path, about: Mapping[str, Any], *, overwrite: bool = False) -> FeatureWriter:
    """Open a file or folder to write features to, by its ending: .npz, .safetensors, or none.

    Args:
        out: the target.
        about: how the features are made; a folder of a run with another is refused.
        overwrite: replace what is there.

    Raises:
        InputError: the target is there and not to be replaced, or of a run with other settings.
    """
    if not out.suffix:
        return FolderWriter(out, about, overwrite=overwrite)
    if out.is_dir():
        raise InputError(f"{out} is a folder; a name with an ending is a file's: give another")
    if out.exists() and not overwrite:
        raise InputError(f"{out} is there already; give another name, or --overwrite")
    return FileWriter(out, about)


class FileWriter(FeatureWriter):
    """Writes one file of all frames."""

    def __init__(self, out: Path, about: Mapping[str, Any]) -> None:
        self._out, self._about = out, about
        out.parent.mkdir(parents=True, exist_ok=True)
        self._names: list[str] = []
        self._streams: dict[str, _Stream] = {}

    def has(self, name: str) -> bool:
        """Say no: a single file is made in one go."""
        return False

    def add(self, name: str, arrays: Arrays) -> None:
        """Append a frame's features."""
        for key, values in arrays.items():
            if key not in self._streams:
                self._streams[key] = _Stream(self._out.parent, values)
            self._streams[key].append(name, values)
        self._names.append(name)

    def finish(self) -> None:
        """Put the file together and move it to its name."""
        if not self._names:
            raise InputError("there are no frames to write features of")
        with atomic_path(self._out) as beside:
            if self._out.suffix == ".npz":
                self._write_npz(beside)
            else:
                self._write_safetensors(beside)

    def _write_npz(self, path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for key, stream in self._streams.items():
                with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                    header = {
                        "descr": np.lib.format.dtype_to_descr(stream.dtype),
                        "fortran_order": False,
                        "shape": (len(self._names), *stream.shape),
                    }
                    np.lib.format.write_array_header_2_0(member, header)
                    stream.copy_to(member)
            texts = {"frames": np.array(self._names), "about": np.array(json.dumps(self._about))}
            for key, text in texts.items():
                with archive.open(f"{key}.npy", "w") as member:
                    np.lib.format.write_array(member, text)

    def _write_safetensors(self, path: Path) -> None:
        header: dict[str, Any] = {
            "__metadata__": {
                "frames": json.dumps(self._names),
                "about": json.dumps(self._about),
            }
        }
        start = 0
        for key, stream in self._streams.items():
            end = start + stream.bytes_written
            header[key] = {
                "dtype": _SAFETENSORS_TYPES[str(stream.dtype)],
                "shape": [len(self._names), *stream.shape],
                "data_offsets": [start, end],
            }
            start = end
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        with path.open("wb") as handle:
            handle.write(len(text).to_bytes(8, "little") + text)
            for stream in self._streams.values():
                stream.copy_to(handle)

    def close(self) -> None:
        """Let go of temporary files."""
        for stream in self._streams.values():
            stream.close()


class _Stream:
    """An array on disk that grows along its first axis."""

    def __init__(self, folder: Path, first: NDArray[Any]) -> None:
        self.shape, self.dtype = first.shape, first.dtype
        self.bytes_written = 0
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close

    def append(self, name: str, values: NDArray[Any]) -> None:
        if values.shape != self.shape:
            raise InputError(
                f"the features of {name} have the shape {values.shape}, those of the frames before "
                f"it {self.shape}; give --square for one size, or a folder, with a file a frame"
            )
        self.bytes_written += self._file.write(np.ascontiguousarray(values).tobytes())

    def copy_to(self, target: IO[bytes]) -> None:
        self._file.seek(0)
        shutil.copyfileobj(self._file, target, _BLOCK)

    def close(self) -> None:
        self._file.close()


class FolderWriter(FeatureWriter):
    """Writes a file a frame; a stopped run goes on."""

    def __init__(self, out: Path, about: Mapping[str, Any], *, overwrite: bool) -> None:
        self._out = out
        self._known = json.loads(json.dumps(about, default=str))
        self._is_made = not out.exists()
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"the folder {out} cannot be made: {error.strerror}") from None
        earlier = self._earlier()
        if overwrite:
            for path in out.glob("*.npz"):
                path.unlink()
        elif earlier is None and any(out.iterdir()):
            raise InputError(
                f"{out} holds other files and no {ABOUT}; give another folder, or --overwrite"
            )
        elif earlier not in (None, self._known) and any(out.glob("*.npz")):
            raise InputError(
                f"{out} holds features made with other settings; give another folder, or "
                "--overwrite"
            )
        self._has_about = earlier == self._known

    def _earlier(self) -> Any:
        try:
            return json.loads((self._out / ABOUT).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise InputError(f"{self._out / ABOUT} is damaged ({error}); use --overwrite") from None

    def has(self, name: str) -> bool:
        """Whether the frame's file is there and whole."""
        try:
            with zipfile.ZipFile(self._path(name)) as archive:
                return archive.testzip() is None
        except (OSError, zipfile.BadZipFile):
            return False

    def add(self, name: str, arrays: Arrays) -> None:
        """Write the frame's file, and before the first one how the features are made."""
        if not self._has_about:
            write_json(self._out / ABOUT, self._known)
            self._has_about = True
        with atomic_path(self._path(name)) as beside, beside.open("wb") as handle:
            np.savez(handle, **arrays)  # type: ignore[arg-type]

    def finish(self) -> None:
        """Do nothing: every file is whole."""

    def close(self) -> None:
        """Remove the folder where it was made and nothing was written to it."""
        if self._is_made:
            with suppress(OSError):  # it is not empty
                self._out.rmdir()

    def _path(self, name: str) -> Path:
        return self._out / f"{re.sub(r'[/]', '_', name)}.npz"
