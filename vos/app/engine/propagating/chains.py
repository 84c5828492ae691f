"""What the masks of a frame depend on, as digests: settings, and the prompts that reach it.

The forward pass at a frame depends on the prompts up to it, the backward pass on those from it on.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Literal

Direction = Literal["both", "forward", "backward"]
_DIGITS = 32


def digest_of(value: Any) -> str:
    """Return the digest of a value of JSON."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


class Chains:
    """The digests of both passes at every frame.

    Args:
        identity: of settings and all else that masks depend on.
        prompts: digest of each prompted frame's mask, by the frame's number; at least one.

    Attributes:
        first: number of the first prompted frame.
        last: of the last one.
    """

    def __init__(self, identity: str, prompts: Mapping[int, str]) -> None:
        self._frames = sorted(prompts)
        self.first, self.last = self._frames[0], self._frames[-1]
        self._forward = list(_chained("forward" + identity, self._frames, prompts))
        self._backward = list(_chained("backward" + identity, self._frames[::-1], prompts))[::-1]
        self._keys: dict[tuple[int, int], str] = {}

    def forward(self, frame: int) -> str:
        """Return the forward pass's digest at a frame, from the first prompted one on."""
        return self._forward[bisect_right(self._frames, frame) - 1]

    def backward(self, frame: int) -> str:
        """Return the backward pass's digest at a frame, up to the last prompted one."""
        return self._backward[bisect_left(self._frames, frame)]

    def passes(self, direction: Direction, frame: int) -> tuple[bool, bool]:
        """Return whether the forward pass and the backward pass have a say in a frame's mask."""
        if direction == "forward":
            return frame >= self.first, False
        if direction == "backward":
            return False, frame < self.last
        return frame >= self.last or frame > self.first, frame < self.last

    def key(self, direction: Direction, frame: int) -> str | None:
        """Return the digest of all that a frame's mask depends on; None if no pass reaches it.

        How far the prompts on both sides are follows from the digests of both passes.
        """
        forward, backward = self.passes(direction, frame)
        if not (forward or backward):
            return None
        places = (
            bisect_right(self._frames, frame) if forward else -1,
            bisect_left(self._frames, frame) if backward else -1,
        )
        if places not in self._keys:
            sides = (
                self.forward(frame) if forward else "",
                self.backward(frame) if backward else "",
            )
            self._keys[places] = digest_of(sides)
        return self._keys[places]


def _chained(start: str, frames: list[int], prompts: Mapping[int, str]) -> Iterator[str]:
    digest = digest_of(start)
    for frame in frames:
        digest = digest_of([digest, frame, prompts[frame]])
        yield digest


def key_with_kept(key: str | None, kept: Collection[int]) -> str | None:
    """Return the key of a mask in which some objects are as they were, since they were locked.

    Args:
        key: of a mask that is all the propagation's.
        kept: ids of those objects.
    """
    if key is None or not kept:
        return key
    return f"{key}+{','.join(map(str, sorted(kept)))}"


def key_while_locked(key: str | None, locked: Collection[int]) -> str | None:
    """Return the key that a mask has as long as the objects that it keeps are locked.

    Args:
        key: what `key_with_kept` returned.
        locked: ids of the objects that are locked now.

    Returns:
        None if one that was kept is not locked any more: a propagation would change it.
    """
    base, _, kept = (key or "").partition("+")
    if kept and not {int(number) for number in kept.split(",") if number.isdecimal()} <= {*locked}:
        return None
    return base or None


def stale_ranges(
    chains: Chains,
    direction: Direction,
    count: int,
    key: Callable[[int], str | None],
    stays: Callable[[int], bool],
) -> list[list[int]]:
    """Return the ranges [first, last] of frames whose masks a propagation would compute again.

    Args:
        chains: what masks depend on now.
        direction: of the propagation.
        count: frames that there are.
        key: gives the digest that a frame's mask was made with.
        stays: says whether a frame stays as it is.
    """
    ranges: list[list[int]] = []
    for frame in range(count):
        wanted = chains.key(direction, frame)
        if wanted is None or stays(frame) or key(frame) == wanted:
            continue
        if ranges and ranges[-1][1] == frame - 1:
            ranges[-1][1] = frame
        else:
            ranges.append([frame, frame])
    return ranges
