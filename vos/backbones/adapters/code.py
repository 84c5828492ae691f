"""A digest of the code that a backbone's features depend on, where it is not this package's."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path

from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import OWN_MODULE

_INSTALLED = frozenset({"vos", "torch", "torchvision", "timm", "transformers"})
"""Packages whose versions stand for their code."""


def code_digest(backbone: Backbone) -> str | None:
    """Return a SHA-256 of the files of a backbone's own classes.

    Kept features are found by it, too: a module whose `forward` was changed has the same weights.

    Returns:
        None where all of it is code of installed packages, or where the backbone has a record of
        its own that speaks for it.
    """
    record = backbone.record
    if record.source != OWN_MODULE and record.function is None:
        return None
    classes = {type(backbone), *map(type, backbone.network.modules())}
    own = {c for c in classes if c.__module__.partition(".")[0] not in _INSTALLED}
    texts = {_text(cls) for cls in own}
    if record.function_sha256 is not None:
        texts.add(record.function_sha256.encode())
    if not texts:
        return None
    digest = hashlib.sha256()
    for text in sorted(texts):
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()


def _text(cls: type) -> bytes:
    """Return the file of a class, or, typed into a session, the code of its methods."""
    try:
        return Path(inspect.getfile(cls)).read_bytes()
    except (TypeError, OSError):
        codes = [
            (name, code.co_code, code.co_names, repr(code.co_consts))
            for name, member in sorted(vars(cls).items())
            if (code := getattr(member, "__code__", None)) is not None
        ]
        return repr((cls.__qualname__, codes)).encode()
