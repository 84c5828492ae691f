"""Numbers that the algorithms and the options of their verbs share; they load no PyTorch."""

from __future__ import annotations

TEMPERATURE = 0.07
"""Of the votes of k-NN, as published."""

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""Strengths of the penalty that logistic regression chooses from."""
