"""Self-attention in 16-bit precision on a CPU, a block of queries at a time.

PyTorch's fused attention runs 16-bit inputs on a CPU at the speed of float32. Plain matrix
products use the hardware's 16-bit instructions; a block of queries keeps their result in cache,
so that the attention of all pairs is never in memory.

Shapes: B batch, N tokens, D width of all heads, d width of one head, M = B * heads, n queries of
a block.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vos.runtime.threads import map_threads

_QUERIES = 512
_LARGEST_POWER = 100.0
"""Powers of two up to here can be summed over any number of tokens within the range of bf16."""


def serves(x: Tensor) -> bool:
    """Whether `blocked_attention` is the faster way: bf16, CPU, nothing to differentiate."""
    return x.device.type == "cpu" and x.dtype == torch.bfloat16 and not torch.is_grad_enabled()


def blocked_attention(qkv: Tensor, num_heads: int, scale: float) -> Tensor:
    """Return the attention's output before its projection.

    The mean key is subtracted from all keys: it shifts a query's scores by one number, which the
    softmax does not see, and leaves smaller scores, which 16 bits hold more finely.

    Args:
        qkv: (B, N, 3 * D), as the projection of queries, keys and values gives them.
        num_heads: how many heads D is made of.
        scale: what scores are multiplied by.

    Returns:
        (B, N, D) in the dtype of `qkv`.
    """
    batch, tokens, width = qkv.shape
    split = qkv.view(batch, tokens, 3, num_heads, -1)  # (B, N, 3, heads, D / heads)
    heads = split.permute(2, 0, 3, 1, 4).flatten(1, 2)  # (3, B * heads, N, D / heads)
    queries, keys, values = heads.contiguous()
    keys = (keys - keys.mean(1, keepdim=True, dtype=torch.float32)).to(qkv.dtype)
    power = scale * math.log2(math.e)
    bounded = (_longest(queries) * _longest(keys) * power <= _LARGEST_POWER).tolist()
    keys = keys.transpose(1, 2)
    out = torch.empty_like(queries)

    def attend(item: tuple[int, int]) -> None:
        head, start = item
        rows = slice(start, start + _QUERIES)
        weigh = _powers if bounded[head] else _softmax
        weights, total = weigh(queries[head, rows], keys[head], power)
        out[head, rows] = (weights @ values[head]) / total

    map_threads(attend, [(h, s) for h in range(len(out)) for s in range(0, tokens, _QUERIES)])
    per_token = out.view(batch, num_heads, tokens, -1).transpose(1, 2)  # (B, N, heads, D / heads)
    return per_token.reshape(batch, tokens, width // 3)  # (B, N, D)


def _longest(vectors: Tensor) -> Tensor:
    """Length of the longest of the vectors (M, N, d), for each of the M."""
    return vectors.float().square().sum(-1).amax(-1).sqrt()


def _powers(queries: Tensor, keys: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """Weights (n, N) and their sums (n, 1), for scores that need no subtraction of the largest.

    With the mean key taken away a query's mean score is 0, so its largest is not below 0 and the
    sum cannot vanish.
    """
    weights = _scores(queries, keys, power).exp2_()
    return weights, weights.sum(-1, keepdim=True)


def _softmax(queries: Tensor, keys: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """The same for scores of any size, at more cost."""
    weights = torch.softmax(_scores(queries, keys, power * math.log(2)), dim=-1)
    return weights, weights.new_ones(1, 1)


def _scores(queries: Tensor, keys: Tensor, factor: float) -> Tensor:
    """Scores (n, N) of queries (n, d) with keys (d, N), scaled before they are rounded."""
    return torch.addmm(queries.new_zeros(1, 1), queries, keys, beta=0, alpha=factor)
