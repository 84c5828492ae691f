"""Objects deleted, deleted over a range of frames, and merged: their masks are written anew.

Letters: H W pixels.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vos.app.project.entries import Value, parsed_key
from vos.app.project.project import Delta, Project

_WRITERS = min(8, 2 * (os.cpu_count() or 1))
"""Threads that write masks: they wait for the disk more than they compute."""


def deleted_object(project: Project, number: int, label: str) -> Delta:
    """Delete an object: its entry, its prompts, and its pixels in all frames.

    Raises:
        InputError: a mask is damaged.
        OSError: it cannot be written; then nothing is changed.
    """
    rewriting = _Rewriting(project, number, 0)
    rewriting.prepare(_frames_with(project, number).values())
    with project.lock:
        changes: dict[str, Value] = {
            f"objects/{number}": None,
            f"removed/{number}": None,
        }
        changes |= dict.fromkeys(_prompts_of(project, number))
        is_last = list(project.items("objects/")) == [f"objects/{number}"]
        if is_last:
            changes |= dict.fromkeys(project.items("frames/"))
        else:
            changes |= _without(project, rewriting, _frames_with(project, number), number, changes)
        return project.change(label, changes)


def deleted_range(project: Project, number: int, first: int, last: int, label: str) -> Delta:
    """Delete an object in the frames from `first` to `last`, and its prompts on them.

    Raises:
        InputError: a mask is damaged.
        OSError: it cannot be written; then nothing is changed.
    """

    def inside(entries: Mapping[str, Value]) -> dict[str, Value]:
        return {key: v for key, v in entries.items() if first <= parsed_key(key)[1][0] <= last}

    rewriting = _Rewriting(project, number, 0)
    rewriting.prepare(inside(_frames_with(project, number)).values())
    with project.lock:
        ranges = [*(project.get(f"removed/{number}") or []), [first, last]]
        changes: dict[str, Value] = {f"removed/{number}": united(ranges)}
        changes |= dict.fromkeys(inside(_prompts_of(project, number)))
        frames = inside(_frames_with(project, number))
        changes |= _without(project, rewriting, frames, number, changes)
        return project.change(label, changes)


def merged_objects(project: Project, number: int, into: int, label: str) -> Delta:
    """Give all that an object has to another one: pixels and prompts.

    Where one of the two is prompted, the prompt of the merged object is what both have there. It
    stays deleted where both were.

    Raises:
        InputError: a mask is damaged.
        OSError: it cannot be written; then nothing is changed.
    """
    rewriting = _Rewriting(project, number, into)
    rewriting.prepare(_frames_with(project, number).values())
    with project.lock:
        ranges = intersected(
            project.get(f"removed/{number}") or [], project.get(f"removed/{into}") or []
        )
        changes: dict[str, Value] = {f"objects/{number}": None, f"removed/{number}": None}
        changes[f"removed/{into}"] = ranges or None
        changes |= _merged_prompts(project, number, into)
        frames = _frames_with(project, number)
        rewriting.prepare(frames.values())
        for key, value in frames.items():
            areas, confidence = value["areas"], value["confidence"]
            area = areas.pop(str(number), 0)
            if area:
                value["mask"] = rewriting.digest(value["mask"])
                areas[str(into)] = areas.get(str(into), 0) + area
            sure = confidence.pop(str(number), None)
            if sure is not None:  # the less sure one of the two, of what is there
                confidence[str(into)] = min(sure, confidence.get(str(into), 1.0))
            changes[key] = value
        return project.change(label, changes)


class _Rewriting:
    """Masks in which an id becomes another one, by the digests of those before.

    Masks never change under their digest, so most is done before the project is locked.
    """

    def __init__(self, project: Project, number: int, becomes: int) -> None:
        self._project = project
        self._number = number
        self._becomes = becomes
        self._digests: dict[str, str] = {}

    def prepare(self, frames: Iterable[Value]) -> None:
        """Write the masks anew that hold the object, several at a time."""
        wanted = {frame["mask"] for frame in frames if frame["areas"].get(str(self._number))}
        todo = sorted(wanted - self._digests.keys())
        with ThreadPoolExecutor(_WRITERS) as pool:
            self._digests.update(zip(todo, pool.map(self._written, todo), strict=True))

    def digest(self, before: str) -> str:
        """Return the digest of a mask that was written anew."""
        return self._digests[before]

    def _written(self, digest: str) -> str:
        ids = self._project.mask(digest)
        return self._project.put_mask(np.where(ids == self._number, np.uint8(self._becomes), ids))


def _frames_with(project: Project, number: int) -> dict[str, dict[str, Any]]:
    """Return the entries of frames that speak of an object."""
    text = str(number)
    return {
        key: value
        for key, value in project.items("frames/").items()
        if text in value["areas"] or text in value["confidence"]
    }


def _prompts_of(project: Project, number: int) -> dict[str, Value]:
    prompts = project.items("prompts/").items()
    return {key: value for key, value in prompts if parsed_key(key)[1][1] == number}


def _without(
    project: Project,
    rewriting: _Rewriting,
    frames: Mapping[str, dict[str, Any]],
    number: int,
    prompt_changes: Mapping[str, Value],
) -> dict[str, Value]:
    """Return the entries of frames without an object.

    A frame is an edited one where the last prompt on it goes with the object.
    """
    rewriting.prepare(frames.values())
    prompted = {
        parsed_key(key)[1][0] for key in project.items("prompts/") if key not in prompt_changes
    }
    for key, value in frames.items():
        if value["areas"].pop(str(number), 0):
            value["mask"] = rewriting.digest(value["mask"])
        value["confidence"].pop(str(number), None)
        if value["origin"] == "prompt" and parsed_key(key)[1][0] not in prompted:
            value["origin"] = "edit"
    return dict(frames)


def _merged_prompts(project: Project, number: int, into: int) -> dict[str, Value]:
    """Return the changes of prompts: the merged object's on every frame where one of both is."""
    sources = {parsed_key(k)[1][0]: v for k, v in _prompts_of(project, number).items()}
    targets = {parsed_key(k)[1][0]: v for k, v in _prompts_of(project, into).items()}
    changes: dict[str, Value] = {f"prompts/{frame}/{number}": None for frame in sources}
    for frame in sorted({*sources, *targets}):
        pieces = [
            _pixels(project, frame, number, sources.get(frame)),
            _pixels(project, frame, into, targets.get(frame)),
        ]
        union = np.logical_or.reduce([piece for piece in pieces if piece is not None])
        digest = project.put_mask(union.astype(np.uint8))
        prompt = targets.get(frame) or sources[frame]
        if prompt["mask"] != digest:  # its items alone do not give that
            item = {"type": "mask", "mask": digest}
            prompt = {"items": [item], "base": None, "mask": digest}
        changes[f"prompts/{frame}/{into}"] = prompt
    return changes


def _pixels(project: Project, frame: int, number: int, prompt: Value) -> NDArray[np.bool_] | None:
    """Return an object's pixels (H, W) on a frame: its prompt's, or those of the frame's mask."""
    if prompt is not None:
        return project.mask(prompt["mask"]) != 0
    value = project.get(f"frames/{frame}")
    if value is None or not value["areas"].get(str(number)):
        return None
    return project.mask(value["mask"]) == number


def united(ranges: Iterable[Iterable[int]]) -> list[list[int]]:
    """Return ranges [first, last] in order, those that meet or overlap as one."""
    result: list[list[int]] = []
    for first, last in sorted(map(tuple, ranges)):
        if result and first <= result[-1][1] + 1:
            result[-1][1] = max(result[-1][1], last)
        else:
            result.append([first, last])
    return result


def intersected(one: Iterable[Iterable[int]], other: Iterable[Iterable[int]]) -> list[list[int]]:
    """Return the ranges [first, last] of the frames that lie in a range of both."""
    others = united(other)
    shared = [
        [max(first, low), min(last, high)]
        for first, last in united(one)
        for low, high in others
        if first <= high and low <= last
    ]
    return united(shared)
