"""`vos-bench davis` as it is typed: masks, scores, stops, wrong input."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.davis import LENGTHS, OPTIONS, davis, ids_at, write_sequence
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.masks.io import read_index_png, write_mask


def masks_of(out):
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("masks/*/*.png"))}


def load(path):
    return json.loads(path.read_text())


def test_a_run_leaves_masks_scores_and_the_report(whole):
    names = {p.name for p in whole.iterdir()}
    assert names == {
        "masks", "sequences", "run.json", "results.json", "report.html", "per-frame.csv",
        "global_results-val.csv", "per-sequence_results-val.csv",
    }  # fmt: skip
    assert {
        p.parent.name: len(list(p.parent.iterdir())) for p in whole.glob("masks/*/*")
    } == LENGTHS
    results = load(whole / "results.json")
    assert results["state"] == "complete"
    assert [s["name"] for s in results["sequences"]] == list(LENGTHS)
    assert results["global"]["J-Mean"] > 0.5
    speed = results["speed"]
    assert speed["frames"] == sum(LENGTHS.values())
    assert set(speed["frames_per_second"]) == {
        "decode", "features", "propagation", "writing", "all",
    }  # fmt: skip
    assert all(rate > 0 for rate in speed["frames_per_second"].values())
    assert speed["peak_memory_mib"] > 100
    assert results["made_with_different"] == []


def test_the_record_says_what_it_was_made_with(whole):
    run = load(whole / "run.json")
    assert run["state"] == "complete"
    backbone = run["settings"]["backbone"]
    assert backbone["name"] == "efficientnet_lite0"
    assert len(backbone["sha256"]) == 64
    assert (backbone["precision"], backbone["device"]) == ("fp32", "cpu")
    assert run["settings"]["propagation"]["short_side"] == 64
    assert run["settings"]["dataset"] == {"name": "DAVIS 2017", "set": "val", "resolution": "480p"}
    assert {"torch", "timm", "numpy", "vos-toolkit"} <= set(run["versions"])
    assert run["processes"] == 1
    assert run["machines"][0]["processor"]
    assert "command" in run
    assert "revision" in run


def test_masks_are_those_of_vos_segment(whole, data, tmp_path):
    for name in LENGTHS:
        first = data / "Annotations" / "480p" / name / "00000.png"
        video = data / "JPEGImages" / "480p" / name
        out = tmp_path / name
        arguments = [
            "segment", str(video), "--mask", str(first), "--out", str(out), "--no-overlay",
            *OPTIONS,
        ]  # fmt: skip
        assert run_verbs("vos", "Test.", VERBS, arguments) == 0
        for path in (out / "masks").iterdir():
            assert path.read_bytes() == (whole / "masks" / name / path.name).read_bytes()


def test_vos_evaluate_scores_the_masks_alike(whole, data, tmp_path):
    arguments = ["evaluate", str(whole / "masks"), str(data), "--out", str(tmp_path)]
    assert run_verbs("vos", "Test.", VERBS, [*arguments, "--processes", "1"]) == 0
    assert (tmp_path / "per-frame.csv").read_bytes() == (whole / "per-frame.csv").read_bytes()


def test_objects_that_appear_later_are_prompted_in_their_frames(tmp_path):
    root = tmp_path / "ytvos"
    write_sequence(root / "JPEGImages" / "clip", root / "Annotations" / "clip", 6, 0)
    for path in (root / "Annotations" / "clip").iterdir():
        t = int(path.stem)
        if t % 2:
            path.unlink()
        else:
            write_mask(path, ids_at(t, (1, 2) if t >= 2 else (1,)))
    assert davis(root, tmp_path / "run") == 0
    masks = [read_index_png(tmp_path / "run" / "masks" / "clip" / f"{t:05d}.png") for t in range(6)]
    present = [set(np.unique(mask).tolist()) - {0} for mask in masks]
    assert present[:3] == [{1}, {1}, {1, 2}]
    assert np.array_equal(masks[2] == 2, ids_at(2, (1, 2)) == 2)
    objects = [o["name"] for s in load(tmp_path / "run" / "results.json")["sequences"]
               for o in s["objects"]]  # fmt: skip
    assert objects[0] == "clip_1"


def test_davis_2016_is_one_object(own, tmp_path):
    listing = own / "ImageSets" / "2016" / "val.txt"
    listing.parent.mkdir()
    listing.write_text("bear\n")
    assert davis(own, tmp_path / "run", "--year", "2016") == 0
    results = load(tmp_path / "run" / "results.json")
    assert [o["name"] for s in results["sequences"] for o in s["objects"]] == ["bear_1"]


def test_features_from_the_disk_give_the_same_masks(whole, data, tmp_path):
    for name in ("first", "second"):
        assert davis(data, tmp_path / name, "--feature-cache", tmp_path / "features") == 0
        assert masks_of(tmp_path / name) == masks_of(whole)
    assert len(list((tmp_path / "features").rglob("*.safetensors"))) == sum(LENGTHS.values())


def no_davis(root):
    shutil.rmtree(root)


def no_annotations(root):
    shutil.rmtree(root / "Annotations" / "480p" / "deer")


def no_images(root):
    shutil.rmtree(root / "JPEGImages" / "480p" / "deer")


def other_size(root):
    write_mask(root / "Annotations" / "480p" / "deer" / "00000.png", np.ones((32, 48), np.uint8))


def unreadable(root):
    (root / "Annotations" / "480p" / "deer" / "00000.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")


def cut_off(root):
    path = root / "Annotations" / "480p" / "deer" / "00000.png"
    path.write_bytes(path.read_bytes()[:-40])


def coloured(root):
    picture = Image.fromarray(np.full((64, 96, 3), 90, np.uint8))
    picture.save(root / "Annotations" / "480p" / "deer" / "00000.png")


def empty(root):
    write_mask(root / "Annotations" / "480p" / "deer" / "00000.png", np.zeros((64, 96), np.uint8))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (no_davis, "no such folder"),
        (no_annotations, "deer: no annotations"),
        (no_images, "deer: no images"),
        (other_size, "frame 00000 is 96x64 pixels, its annotation 48x32"),
        (unreadable, "deer"),
        (cut_off, "deer"),
        (coloured, "RGB"),
        (empty, "deer: no object in its first annotation"),
    ],
)
def test_wrong_data_is_said_before_any_work(own, tmp_path, capsys, spoil, message):
    spoil(own)
    assert davis(own, tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "test"), "no set 'test' here"),
        (("--resolution", "1080p"), "resolutions there: 480p"),
        (("--sequences", "wolf"), "no sequences wolf; there are bear, crow, deer"),
        (("--topk", "0"), "topk is 0"),
    ],
)
def test_wrong_options_are_said(data, tmp_path, capsys, arguments, message):
    assert davis(data, tmp_path / "run", *arguments) == 2
    assert message in capsys.readouterr().err


def test_masks_of_another_resolution_are_refused_by_the_scoring(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    write_mask(out / "masks" / "bear" / "00002.png", np.ones((32, 48), np.uint8))
    assert davis(data, out) == 2
    assert "48x32 pixels, but the truth" in capsys.readouterr().err
    assert load(out / "run.json")["state"] == "failed"
    assert not (out / "report.html").exists()
