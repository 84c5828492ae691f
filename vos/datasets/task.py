"""The tasks of the field's benchmarks."""

from __future__ import annotations

from typing import Literal

Task = Literal["semi-supervised", "unsupervised"]
"""Objects are given by the first mask, or are to be found."""
