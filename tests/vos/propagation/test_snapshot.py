"""A state on disk is gone on from to the same masks."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.data.scenes import CONFIG, two
from vos.errors import InputError
from vos.propagation.propagator import LabelPropagator
from vos.propagation.snapshot import load_snapshot, save_snapshot


def history(tracker, steps, snapshot_at=None):
    """Masks of a run with an added object and a correction; optionally a snapshot on the way."""
    masks, taken = [], None
    for step in steps:
        image, truth = two(step)
        prompt = None
        if step == 1:
            prompt = np.where(truth == 7, 7, 0).astype(np.uint8)
        elif step == 4:
            prompt = truth
        elif step == 6:
            prompt = np.where(truth == 7, 7, 0).astype(np.uint8)
        masks.append(tracker.step(image, prompt))
        if step == snapshot_at:
            taken = tracker.snapshot()
    return masks, taken


@pytest.mark.parametrize("at", range(9))
def test_a_snapshot_goes_on_to_the_same_masks(backbone, tmp_path, at):
    whole, snapshot = history(LabelPropagator(backbone, CONFIG), range(12), at)
    save_snapshot(tmp_path / "state.safetensors", snapshot)
    loaded = load_snapshot(tmp_path / "state.safetensors")
    assert loaded.number == at
    assert loaded.frames == snapshot.frames
    again = LabelPropagator(backbone, CONFIG)
    again.restore(loaded, {n: two(n)[0] for n in loaded.frames})
    rest, _ = history(again, range(at + 1, 12))
    for ours, want in zip(rest, whole[at + 1 :], strict=True):
        assert np.array_equal(ours, want)


def test_restoring_needs_the_frames(backbone):
    _, snapshot = history(LabelPropagator(backbone, CONFIG), range(5), 4)
    with pytest.raises(InputError, match="the snapshot needs frames"):
        LabelPropagator(backbone, CONFIG).restore(snapshot, {})


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_damaged_state_is_refused(tmp_path, content):
    path = tmp_path / "state.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="--overwrite"):
        load_snapshot(path)


def rewritten(path, change):
    """Write a state file again with another header."""
    with safe_open(path, framework="pt") as handle:
        about = json.loads(handle.metadata()["snapshot"])
        tensors = load_file(path)
    change(about)
    save_file(tensors, path, metadata={"snapshot": json.dumps(about)})
    return about


def test_the_form_of_a_state_has_a_number(backbone, tmp_path):
    path = tmp_path / "state.safetensors"
    _, snapshot = history(LabelPropagator(backbone, CONFIG), range(5), 4)
    save_snapshot(path, snapshot)
    about = rewritten(path, lambda about: about.pop("format", None))
    assert "format" not in about
    assert load_snapshot(path).number == 4  # as version 0.1 wrote it
    save_snapshot(path, snapshot)
    assert rewritten(path, lambda about: None)["format"] == 1
    rewritten(path, lambda about: about.update(format=3, objects="another form"))
    with pytest.raises(InputError, match="written by a newer version") as raised:
        load_snapshot(path)
    assert "--overwrite" in str(raised.value)
    rewritten(path, lambda about: about.update(format="new"))
    with pytest.raises(InputError, match="cannot be read as the state"):
        load_snapshot(path)
