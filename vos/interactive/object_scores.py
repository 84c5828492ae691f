"""Which nodes of a frame are the object's: what prompts say of their like, in closed form.

Three steps. A kernel regression of the drawn nodes' labels says what looks like them, near them
and everywhere. A random walk (L. Grady, "Random walks for image segmentation", 2006, with priors as
in "Multilabel random walker image segmentation using prior models", 2005) makes of it a map that
changes at edges only. A ridge regression, fitted to that map, says what separates the object from
the rest; its score joins the first one, and the walk is made again.

Shapes: N nodes, n drawn nodes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from vos.interactive.frame_nodes import Floats, FrameNodes
from vos.interactive.settings import ClickSettings

Array = NDArray[np.float64]
_MOST_DRAWN = 160
"""Drawn nodes of each sign that the kernel regression takes; of more, every so many-th."""
_HOLD = 1e3
"""Pull of a drawn node to its label, beside an edge of weight 1."""
_DRAWN_WEIGHT = 0.02
"""What a drawn node counts in the probe, where all nodes of the object count 1/2 together."""
_TOLERANCE, _ITERATIONS = 1e-4, 200


class ObjectScores:
    """The regressions and the walk of one frame.

    Args:
        nodes: the frame.
        settings: all numbers.
    """

    def __init__(self, nodes: FrameNodes, settings: ClickSettings) -> None:
        self._nodes = nodes
        self._settings = settings
        count = len(nodes.values)
        ones = np.ones((count, 1), np.float32)
        self._inputs = np.concatenate([nodes.values, nodes.places, ones], axis=1)
        self._squares = (nodes.values**2).sum(1)

    def probabilities(
        self,
        labels: NDArray[np.int8],
        start: Floats | None = None,
        outside: NDArray[np.bool_] | None = None,
        base: Floats | None = None,
    ) -> Floats:
        """Return how likely each node is the object's.

        Args:
            labels: (N,) int8 of the drawn nodes, 1 or -1; 0 of all others.
            start: (N,) float32 from 0 to 1, a first guess that the probe is fitted to, as a box
                gives one.
            outside: (N,) bool of nodes that cannot be the object's; they say nothing of its look.
            base: (N,) float32 from 0 to 1, a mask that the drawn nodes correct.

        Returns:
            (N,) float32 from 0 to 1.
        """
        drawn = np.flatnonzero(labels)
        signs = labels[drawn].astype(np.float64)
        pinned = labels if outside is None else np.where(outside & (labels == 0), -1, labels)
        first = self._kernel_scores(labels, base)
        if start is None:
            walked = self._walk(first, pinned)
        else:
            walked = start.astype(np.float64)
            if not (signs > 0).any():  # what was never drawn is not the background's by that
                first = first + self._settings.background_bias
        rounds, weight = self._settings.rounds, self._settings.probe_weight
        if base is not None:
            rounds, weight = self._settings.base_rounds, self._settings.base_probe_weight
        for _ in range(rounds):
            probe = self._probe_scores(walked, drawn, signs)
            walked = self._walk(first + weight * probe, pinned)
        return walked.clip(0, 1).astype(np.float32)

    def _kernel_scores(self, labels: NDArray[np.int8], base: Floats | None) -> Array:
        """Regress the labels; where they say nothing, the score is the base's or the background's.

        What they add to the base is regressed: a click that it agrees with changes nothing.
        """
        expected = np.full(len(labels), -self._settings.background_bias)
        if base is not None:
            expected = self._settings.base_weight * (2 * base.astype(np.float64) - 1)
        drawn = np.concatenate([_thinned(np.flatnonzero(labels == s)) for s in (1, -1)])
        if not len(drawn):
            return expected
        radius = self._settings.nearby_radius
        if base is not None:
            radius = self._settings.base_nearby_radius
        kernel = self._kernel(drawn, radius)  # (n, N)
        gram = kernel[:, drawn] + self._settings.noise * np.eye(len(drawn))
        solution = np.linalg.solve(gram, labels[drawn] - expected[drawn])
        scores: Array = solution @ kernel + expected
        return scores

    def _kernel(self, drawn: NDArray[np.intp], radius: float) -> Array:
        settings, values, places = self._settings, self._nodes.values, self._nodes.places
        products = values[drawn] @ values.T
        alike = (self._squares[drawn][:, None] + self._squares - 2 * products).clip(0)
        away = ((places[drawn][:, None] - places) ** 2).sum(-1)
        near = alike / settings.nearby_width + away / (2 * radius**2)
        share = settings.nearby_share
        everywhere = np.exp(-alike / settings.everywhere_width)
        kernel: Array = ((1 - share) * everywhere + share * np.exp(-near)).astype(np.float64)
        return kernel

    def _probe_scores(self, walked: Array, drawn: NDArray[np.intp], signs: Array) -> Array:
        """Fit the probe to the map so far, object and rest counting the same, and apply it."""
        inside = walked.clip(0, 1)
        outside = 1 - inside
        weights = (inside / (inside.sum() + 1e-6) + outside / (outside.sum() + 1e-6)) / 2
        weights[drawn] += min(_DRAWN_WEIGHT, 1 / max(1, len(drawn)))
        targets = 2 * inside - 1
        targets[drawn] = signs
        weighted = self._inputs * weights[:, None].astype(np.float32)
        gram = (weighted.T @ self._inputs).astype(np.float64)
        size = len(gram) - 1  # the constant is not penalised
        penalty = self._settings.probe_ridge * np.trace(gram[:size, :size]) / size
        gram[range(size), range(size)] += penalty + 1e-9
        solution = np.linalg.solve(gram, weighted.T @ targets)
        scores: Array = self._inputs @ solution
        return scores

    def _walk(self, scores: Array, pinned: NDArray[np.int8]) -> Array:
        """Spread scores (N,) along the edges; pinned nodes (1, -1) keep their labels."""
        prior = 1 / (1 + np.exp(-(self._settings.sharpness * scores).clip(-50, 50)))
        pull = np.full(len(prior), self._settings.prior_strength)
        right = self._settings.prior_strength * prior
        pull[pinned != 0] += _HOLD
        right[pinned > 0] += _HOLD
        matrix = self._nodes.laplacian + sparse.diags(pull)
        quick = sparse.diags(1 / matrix.diagonal())
        walked, _ = cg(matrix, right, x0=prior, rtol=_TOLERANCE, maxiter=_ITERATIONS, M=quick)
        return np.asarray(walked, np.float64)


def _thinned(nodes: NDArray[np.intp]) -> NDArray[np.intp]:
    return nodes[:: -(-len(nodes) // _MOST_DRAWN)] if len(nodes) else nodes
