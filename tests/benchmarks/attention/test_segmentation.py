import json

import numpy as np
import pytest
import torch

from benchmarks.attention.attention_masks import attention_jaccards, head_jaccards, masks_at_size
from benchmarks.attention.picture_scores import PictureScores, summary
from tests.data.images import bench, picture, said, save_weights, write_picture
from vos.backbones.loading import load_backbone
from vos.errors import InputError
from vos.features.attention import top_mass
from vos.masks.io import write_mask


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


def square(value=1, void=False):
    ids = np.zeros((64, 80), np.uint8)
    ids[16:48, 16:48] = value
    if void:
        ids[:8] = 255
    return ids


@pytest.fixture
def voc(tmp_path):
    root = tmp_path / "VOC2012"
    masks = {"a": square(1), "b": square(15, void=True), "c": square(0), "d": square(1)}
    masks["d"][50:60, 50:60] = 15
    for number, (name, ids) in enumerate(masks.items()):
        write_picture(root / "JPEGImages" / f"{name}.jpg", picture((90, 90, 90), number, 64, 80))
        write_mask(root / "SegmentationClass" / f"{name}.png", ids)
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "ImageSets/Segmentation/val.txt").write_text("a\nb\nc\nd\n")
    return root


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--short-side", 0]


def test_mass_by_hand():
    attention = torch.tensor([[0.1, 0.2, 0.3, 0.4], [2.0, 1.0, 1.0, 6.0]])
    # 60 %: the sums in rising order are .1 .3 .6 1 and .1 .2 .4 1; above .4 are the last ones.
    kept = top_mass(attention, 0.6)
    assert kept.tolist() == [[False, False, True, True], [False, False, False, True]]
    assert top_mass(attention, 1).all()
    with pytest.raises(InputError, match="mass is 0"):
        top_mass(attention, 0)


def test_jaccard_by_hand():
    truth = torch.tensor([[True, True, False, False]])
    masks = torch.tensor([[[True, False, True, False]], [[True, True, False, False]]])
    masks = torch.cat([masks, torch.zeros(1, 1, 4, dtype=torch.bool)])
    assert head_jaccards(masks, truth).tolist() == pytest.approx([1 / 3, 1, 0])
    nothing = torch.zeros_like(truth)
    assert head_jaccards(masks, nothing).tolist() == [0, 0, 1]


def test_masks_grow_to_pixels():
    grown = masks_at_size(torch.tensor([[[True, False]]]), (2, 4))
    assert grown.tolist() == [[[True, True, False, False]] * 2]


def test_mask_of_all_attention_covers_everything(weights):
    backbone = load_backbone(weights=weights, precision="fp32", device="cpu")
    ids = square(void=True)
    ids[60:] = 7
    first, second = attention_jaccards(backbone, picture((90, 90, 90), 0, 64, 80), ids, 1.0, 0)
    assert first == pytest.approx([(32 * 32) / (64 * 80)])  # void is outside of every object
    assert second == pytest.approx([(4 * 80) / (64 * 80)])
    assert (
        attention_jaccards(backbone, picture((9, 9, 9), 0), np.zeros((64, 64), np.uint8), 1) == []
    )


def test_summary_by_hand():
    scores = [
        PictureScores("a", ["cat"], [[0.2, 0.6]]),
        PictureScores("b", ["cat", "dog"], [[0.8, 0.3], [0.2, 0.4]]),  # each takes its own head
        PictureScores("c", [], []),
    ]
    held = summary(scores)
    assert held["jaccard"] == pytest.approx((0.6 + (0.8 + 0.4) / 2) / 2)
    assert held["by_group"] == pytest.approx({"cat": 0.7, "dog": 0.4})
    assert held["by_head"] == pytest.approx([(0.2 + 0.5) / 2, (0.6 + 0.35) / 2])
    assert (held["single_head"], held["single_head_jaccard"]) == (1, pytest.approx(0.475))
    assert (held["pictures"], held["pictures_without_object"]) == (2, 1)
    with pytest.raises(InputError, match="none of 1 pictures"):
        summary(scores[2:])


def test_voc(voc, weights, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["attention-segmentation", "--data", voc, "-o", out, *options(weights)]
    assert bench(*arguments) == 0
    held = json.loads((out / "results.json").read_text())
    assert held["table"] == "Figure 4"
    assert set(held["results"]["by_group"]) == {"aeroplane", "person"}
    assert held["results"]["pictures_without_object"] == 1
    assert held["rows"][0]["figures"] == [100 * held["results"]["jaccard"]]
    assert "one head for all" in capsys.readouterr().out


def test_davis(weights, tmp_path):
    root = tmp_path / "DAVIS"
    for number in range(4):
        name = f"{number:05d}"
        frame = picture((90, 90, 90), number, 64, 80)
        write_picture(root / "JPEGImages/480p/cat" / f"{name}.jpg", frame)
        write_mask(root / "Annotations/480p/cat" / f"{name}.png", square())
    (root / "ImageSets/2017").mkdir(parents=True)
    (root / "ImageSets/2017/val.txt").write_text("cat\n")
    arguments = ["--data", root, "-o", tmp_path / "out", "--every", 2, *options(weights)]
    assert bench("attention-segmentation", *arguments) == 0
    held = json.loads((tmp_path / "out/results.json").read_text())["results"]
    assert held["pictures"] == 2
    assert list(held["by_group"]) == ["cat"]


def test_stopped_run_goes_on(voc, weights, tmp_path, monkeypatch):
    out = tmp_path / "out"
    arguments = ["attention-segmentation", "--data", voc, "-o", out, *options(weights)]
    place, seen = "benchmarks.attention.picture_scores.attention_jaccards", []

    def counted(*given):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return attention_jaccards(*given)

    monkeypatch.setattr(place, counted)
    assert bench(*arguments) == 130
    with (out / "pictures-0.jsonl").open("a") as handle:
        handle.write('{"identity": "cut off')
    assert bench(*arguments) == 0
    assert len(seen) == 3 + 2
    resumed = (out / "results.json").read_text()
    assert bench(*arguments, "--mass", 0.9) == 0  # other settings: nothing is taken over
    assert len(seen) == 5 + 4
    assert (out / "results.json").read_text() != resumed


@pytest.mark.parametrize(
    "case",
    [
        (lambda root: (root / "SegmentationClass/b.png").unlink(), "b.png is missing"),
        (lambda root: (root / "ImageSets/Segmentation/val.txt").unlink(), "cannot be read"),
        (lambda root: (root / "ImageSets/Segmentation/val.txt").write_text(""), "lists no"),
        (
            lambda root: write_mask(root / "SegmentationClass/a.png", square()[:32]),
            "its mask 80x32",
        ),
    ],
)
def test_wrong_data(voc, weights, tmp_path, capsys, case):
    spoil, told = case
    spoil(voc)
    arguments = ["--data", voc, "-o", tmp_path / "out", *options(weights)]
    assert bench("attention-segmentation", *arguments) == 2
    assert told in said(capsys)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--mass", 0], "mass is 0"),
        (["--every", 0], "every is 0"),
        (["--backbone", "efficientnet_lite0"], "has no class token"),
    ],
)
def test_wrong_options(voc, tmp_path, capsys, arguments, told):
    given = ["--data", voc, "-o", tmp_path / "out", *arguments]
    assert bench("attention-segmentation", *given) == 2
    assert told in said(capsys)
