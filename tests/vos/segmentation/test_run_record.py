"""What `run.json` says."""

import dataclasses

import pytest

from tests.data.clips import (
    CONFIG,
    FRAMES,
    record_of,
    stop_after,
)
from vos.errors import InputError


def test_the_record_says_what_was_done(segment, folder):
    result = segment(folder)
    record = record_of(result.out)
    assert record["state"] == "complete"
    assert record["settings"]["propagation"]["topk"] == 5
    assert record["settings"]["backbone"]["name"] == "colours"
    assert record["settings"]["backbone"]["precision"] == "fp32"
    assert record["settings"]["masks"]["0"]["form"] == "array"
    assert record["settings"]["outputs"]["overlay"] is True
    assert {"python", "vos-toolkit", "torch", "timm", "numpy", "av"} <= set(record["versions"])
    results = record["results"]
    assert results["frames"] == results["frames_computed"] == FRAMES
    assert results["objects"] == [3, 9]
    assert {"decode_wait", "features", "propagation", "writing"} <= set(results["seconds"])
    assert all(seconds >= 0 for seconds in results["seconds"].values())
    assert results["frames_per_second"] > 0
    assert results["peak_memory_mib"] > 10


def test_a_complete_run_tells_its_frames_and_objects_again(segment, folder):
    first, again = segment(folder), segment(folder, resume=True)
    assert (again.frames, again.objects) == (first.frames, first.objects) == (FRAMES, (3, 9))


def test_only_the_settings_that_differ_are_told(segment, folder):
    with pytest.raises(KeyboardInterrupt):
        segment(folder, on_frame=stop_after(2))
    with pytest.raises(InputError) as raised:
        segment(folder, config=dataclasses.replace(CONFIG, topk=3), resume=True)
    assert "propagation: {'topk': 5} before, {'topk': 3} now" in str(raised.value)
