"""The two forms of an exported backbone."""

from __future__ import annotations

from typing import Literal

Format = Literal["safetensors", "pth"]
SUFFIXES = {"safetensors": ".safetensors", "pth": ".pth"}
