"""Backbones that a function of the user's makes: FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION.

The function takes no arguments. Running it is running its file: it is asked for by name alone.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from vos.backbones.adapters.modules import backbone_of_module
from vos.backbones.backbone import Backbone
from vos.backbones.checkpoint_layouts.pickles import first_line
from vos.backbones.weights_record import network_digest
from vos.errors import InputError
from vos.files import sha256_of

_FORM = "FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION"


def from_function(name: str) -> Backbone:
    """Return the backbone that a function makes, with the function and its file in its record.

    Args:
        name: FILE.py:FUNCTION, or PACKAGE.MODULE:FUNCTION, found as Python finds modules, and in
            the working folder. The function returns a backbone, or a module with `stride`, `mean`
            and `std`; what has that name may also be one of these itself.

    Raises:
        InputError: there is no such file, module or function; its code fails; it returns something
            else.
    """
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise InputError(f"--backbone {name}: expected {_FORM}")
    module = _module_of_file(Path(place)) if _is_file(place) else _module_named(place, name)
    function = _attribute(module, attribute, name)
    if callable(function) and not isinstance(function, nn.Module):
        try:
            made = function()
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{name} failed: {_said(error)}") from error
    else:
        made = function
    try:
        backbone = backbone_of_module(made)
    except InputError as error:
        raise InputError(f"{name} returned {_kind(made)}: {error}") from error
    file = getattr(module, "__file__", None)
    sha256 = sha256_of(Path(file)) if file else None
    record = backbone.record
    backbone.record = replace(
        record,
        sha256=record.sha256 or network_digest(backbone.network),
        function=name,
        function_sha256=sha256,
    )
    return backbone


def _is_file(place: str) -> bool:
    return place.endswith(".py") or "/" in place or "\\" in place


def _module_of_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise InputError(f"--backbone: there is no file {path}; expected {_FORM}")
    path = path.resolve()
    label = f"vos_backbone_{path.stem}"
    spec = spec_from_file_location(label, path)
    if spec is None or spec.loader is None:
        raise InputError(f"--backbone: {path} is no Python file; its name has to end in .py")
    module = module_from_spec(spec)
    sys.modules[label] = module  # dataclasses and pickles look their module up
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)  # for modules beside it; at the end, so that they hide no package
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[label]
        if not isinstance(error, Exception) or isinstance(error, InputError):
            raise
        raise InputError(f"--backbone: {path} cannot be run: {_said(error)}") from error
    return module


def _module_named(place: str, name: str) -> ModuleType:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)  # programs that are installed do not look there by themselves
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
            raise InputError(
                f"--backbone {name}: there is no module {error.name}, nor a kind of backbone of "
                f"that name; expected {_FORM}, a name such as dino_vits8, or timm:NAME"
            ) from None
        raise InputError(f"--backbone {name}: {place} cannot be run: {_said(error)}") from error
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"--backbone {name}: {place} cannot be run: {_said(error)}") from error


def _attribute(module: ModuleType, attribute: str, name: str) -> Any:
    if not hasattr(module, attribute):
        own = [
            key
            for key, value in vars(module).items()
            if callable(value) and getattr(value, "__module__", None) == module.__name__
        ]
        listed = ", ".join(own) or "none"
        where = getattr(module, "__file__", None) or module.__name__
        raise InputError(f"--backbone {name}: {where} has no function {attribute}; it has {listed}")
    return getattr(module, attribute)


def _kind(made: object) -> str:
    return "nothing" if made is None else type(made).__name__


def _said(error: Exception) -> str:
    """Return the error's kind, its first line, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    if isinstance(error, SyntaxError):
        where = f" ({error.filename}, line {error.lineno})"
    text = error.msg if isinstance(error, SyntaxError) else first_line(error)
    return f"{type(error).__name__}: {text}{where}"
