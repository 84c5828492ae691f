"""A digest of the code that a backbone's features depend on, where it is not this package's."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from types import CodeType
from typing import Any

from torch import nn

from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import OWN_MODULE

_INSTALLED = frozenset({"vos", "torch", "torchvision", "timm", "transformers"})
"""Packages whose versions stand for their code."""


_SETTINGS = (bool, int, float, str, bytes, tuple, list, dict, type(None))
_BY_PYTHON = frozenset(
    {"__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__", "__static_attributes__"}
)
"""Members of every class that say nothing of what it computes."""


def code_digest(backbone: Backbone) -> str | None:
    """Return a SHA-256 of the code of a backbone's own modules, and of their plain attributes.

    Kept features are found by it, too: a module whose `forward` was changed, or that was made with
    another argument, has the same weights.

    Returns:
        None where all of it is code of installed packages, or where the backbone has a record of
        its own that speaks for it.
    """
    record = backbone.record
    if record.source != OWN_MODULE and record.function is None:
        return None
    own = [m for m in backbone.network.modules() if _is_own(m)]
    texts = {_text(type(m)) for m in own} | {_settings(m) for m in own}
    if _is_own(backbone):
        texts |= {_text(type(backbone)), _settings(backbone)}
    if record.function_sha256 is not None:
        texts.add(f"{record.function} {record.function_sha256}".encode())
    if not texts:
        return None
    digest = hashlib.sha256()
    for text in sorted(texts):
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()


def _is_own(module: nn.Module) -> bool:
    return type(module).__module__.partition(".")[0] not in _INSTALLED


def _settings(module: nn.Module) -> bytes:
    """Return the plain public attributes of a module: what it was made with."""
    own = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and name != "training" and isinstance(value, _SETTINGS)
    }
    return repr((type(module).__qualname__, sorted(own.items()))).encode()


def _text(cls: type) -> bytes:
    """Return the file of a class, or, typed into a session, its members."""
    try:
        return Path(inspect.getfile(cls)).read_bytes()
    except (TypeError, OSError):
        members = sorted((n, m) for n, m in vars(cls).items() if n not in _BY_PYTHON)
        return repr((cls.__qualname__, [(name, _member(m)) for name, m in members])).encode()


def _member(member: Any) -> object:
    """Return what a member of a class computes: the code of a function, else the value's text."""
    function = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
    code = getattr(function, "__code__", function)
    if not isinstance(code, CodeType):
        return repr(member)
    # A function inside of it has an address in its text, which differs each time.
    constants = [_member(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    defaults = [repr(getattr(function, n, None)) for n in ("__defaults__", "__kwdefaults__")]
    return code.co_code, code.co_names, constants, defaults
