"""The forms of file that a backbone is exported in, and what their names end in."""

from __future__ import annotations

from typing import Literal

Format = Literal["onnx", "torchscript", "torch-export"]
SUFFIXES: dict[Format, str] = {"onnx": ".onnx", "torchscript": ".pt", "torch-export": ".pt2"}
