"""The pictures of the page of concepts."""

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch")

from tools.concept_pictures import AFFINITY, LABELS, concept_sheets, main
from vos.backbones.loading import load_backbone
from vos.propagation.config import PropagationConfig

PAGE = Path(__file__).resolve().parents[2] / "docs/concepts.md"


def test_an_object_is_followed_on_the_pictures():
    frames, masks = [], []
    random = np.random.default_rng(0)
    ground = random.integers(90, 120, (128, 256, 3)).astype(np.uint8)
    for x in (40, 56, 72):
        frame, mask = ground.copy(), np.zeros((128, 256), np.uint8)
        cv2.circle(frame, (x, 64), 28, (230, 30, 30), cv2.FILLED)
        cv2.circle(mask, (x, 64), 28, 7, cv2.FILLED)
        frames.append(frame)
        masks.append(mask)
    backbone = load_backbone("efficientnet_lite0", device="cpu", precision="fp32")
    config = PropagationConfig(short_side=0)
    sheets = concept_sheets(frames, masks[0], backbone, config)
    assert set(sheets) == {AFFINITY, LABELS}
    gap, width = 6, 320
    affinity = sheets[AFFINITY]
    assert affinity.shape[1] > 3 * (width + gap)
    labels = sheets[LABELS]
    assert labels.shape[1] == gap + 2 * (width + gap)
    share = labels[-gap - 160 : -gap, gap : gap + width].astype(int).sum(axis=2)
    large = cv2.resize(masks[-1], (width, 160), interpolation=cv2.INTER_NEAREST)
    assert share[large == 7].mean() > share[large == 0].mean() + 80


@pytest.mark.parametrize("words", [[], ["no such folder"], ["a", "b"]])
def test_a_folder_has_to_be_named(words, capsys):
    assert main(words) == 2
    assert "usage" in capsys.readouterr().err


def test_the_page_shows_both_and_they_are_there():
    text = PAGE.read_text(encoding="utf-8")
    for name in (AFFINITY, LABELS):
        assert f"(pictures/{name})" in text
        assert cv2.imread(str(PAGE.parent / "pictures" / name)) is not None
