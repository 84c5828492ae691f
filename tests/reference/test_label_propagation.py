"""Soft labels over a video against the published code of videowalk (CRW)."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.reference.files import file_id, files_with, load
from vos.propagation.context_propagation import ContextPropagation
from vos.propagation.presets import PRESETS

FILES = files_with("features", "first_labels_onehot", "first_labels_gaussian")
TOLERANCE = 1e-5
CASES = [
    pytest.param(path, setting, kind, id=f"{file_id(path)}-{setting['name']}-{kind}")
    for path in FILES
    for setting in load(path)[1]["settings"]
    for kind in ("onehot", "gaussian")
]


def config_of(setting):
    return replace(
        PRESETS["crw-jhmdb"].propagation,
        n_last_frames=setting["context_frames"],
        neighborhood_radius=setting["radius_cells"],
        topk=setting["topk"],
        temperature=setting["temperature"],
    )


def propagated(config, features, first):
    """Labels (T - 1, h, w, C) of the frames after the first."""
    engine = ContextPropagation(config)
    frames = torch.from_numpy(features.astype(np.float32)).permute(1, 2, 3, 0)  # (T, h, w, D)
    frames = F.normalize(frames, dim=-1)
    channels = first.shape[-1]
    labels = torch.from_numpy(first).flatten(0, 1)
    engine.remember_prompt(0, frames[0].contiguous(), labels, range(1, channels))
    out = []
    for number, frame in enumerate(frames[1:], start=1):
        labels = engine.propagate(frame.contiguous())
        engine.remember(number, frame.contiguous(), labels)
        out.append(labels.unflatten(0, first.shape[:2]).numpy())
    return np.stack(out)


@pytest.mark.skipif(not FILES, reason="no such reference is here; set VOS_REFERENCE_DIR")
@pytest.mark.parametrize(("path", "setting", "kind"), CASES)
def test_labels_are_those_of_the_published_code(path, setting, kind):
    arrays, _ = load(path)
    want = arrays[f"labels_{kind}.{setting['name']}"]
    found = propagated(config_of(setting), arrays["features"], arrays[f"first_labels_{kind}"])
    np.testing.assert_allclose(found, want, rtol=0, atol=TOLERANCE)


VARIANTS = [
    {"first_frame_unlimited": False},
    {"open_radius": False},
    {"neighborhood_shape": "square"},
    {"fill_context": False},
]


@pytest.mark.skipif(not FILES, reason="no such reference is here; set VOS_REFERENCE_DIR")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: next(iter(variant)))
def test_each_option_of_the_engine_matters(variant):
    arrays, settings = load(FILES[0])
    setting = settings["settings"][0]
    config = replace(config_of(setting), **variant)
    found = propagated(config, arrays["features"], arrays["first_labels_onehot"])
    wrong = np.abs(found - arrays[f"labels_onehot.{setting['name']}"]) > 1e-3
    assert wrong.mean() > 0.004
