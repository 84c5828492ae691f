"""`vos-bench davis` as it is typed: masks, scores, stops, wrong input."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.davis.run_folder import RunFolder
from tests.data.davis import LENGTHS, OPTIONS, davis, ids_at, make_davis, write_sequence
from vos.backbones.loading import load_backbone
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.masks.io import read_index_png, write_mask
from vos.propagation.config import PropagationConfig

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_davis(tmp_path_factory.mktemp("data") / "DAVIS")


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    assert davis(data, out) == 0
    return out


@pytest.fixture
def own(data, tmp_path):
    """A DAVIS folder to spoil."""
    return Path(shutil.copytree(data, tmp_path / "own"))


def masks_of(out):
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("masks/*/*.png"))}


def load(path):
    return json.loads(path.read_text())


def start(data, out, *before):
    command = [*before, "-m", "benchmarks", "davis", "--data", data, "--out", out]
    return subprocess.Popen(
        [sys.executable, *map(str, command), "--processes", "1", *OPTIONS],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


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


def test_again_keeps_whole_sequences_and_makes_spoiled_ones(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    (out / "masks" / "crow" / "00003.png").unlink()
    before = {p: p.stat().st_mtime_ns for p in out.rglob("masks/*/*.png")}
    assert davis(data, out) == 0
    assert "segment: 9/9 frames" in capsys.readouterr().err
    changed = {p.parent.name for p, at in before.items() if p.stat().st_mtime_ns != at}
    assert changed == {"crow"}
    assert masks_of(out) == masks_of(whole)
    assert (out / "per-frame.csv").read_bytes() == (whole / "per-frame.csv").read_bytes()


def test_other_settings_need_another_folder_or_overwrite(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    assert davis(data, out, "--topk", "7") == 2
    assert "propagation.topk: 5 before, 7 now" in capsys.readouterr().err
    assert masks_of(out) == masks_of(whole)
    assert davis(data, out, "--topk", "7", "--overwrite") == 0
    assert load(out / "run.json")["settings"]["propagation"]["topk"] == 7
    assert masks_of(out) != masks_of(whole)


def test_masks_of_unknown_origin_are_not_taken_over(data, tmp_path, capsys):
    write_mask(tmp_path / "run" / "masks" / "bear" / "00000.png", ids_at(0, (1,)))
    assert davis(data, tmp_path / "run") == 2
    assert "no run.json says how they were made" in capsys.readouterr().err


def test_a_damaged_record_is_said(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    (out / "run.json").write_text("{")
    assert davis(data, out) == 2
    assert "cannot be read as the record" in capsys.readouterr().err


def test_a_run_from_before_a_setting_goes_on(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    record = load(out / "run.json")
    del record["settings"]["propagation"]["stretch_channels"]
    (out / "run.json").write_text(json.dumps(record))
    before = {p: p.stat().st_mtime_ns for p in out.rglob("masks/*/*.png")}
    assert davis(data, out) == 0
    assert {p: p.stat().st_mtime_ns for p in out.rglob("masks/*/*.png")} == before
    del record["settings"]["propagation"]["topk"]
    record["settings"]["propagation"]["momentum"] = 0.5
    (out / "run.json").write_text(json.dumps(record))
    assert davis(data, out, "--topk", "7") == 2
    said = capsys.readouterr().err
    assert "propagation.topk: 5 before, 7 now" in said
    assert "propagation.momentum: 0.5 before, not recorded now" in said


def test_the_frames_are_those_of_the_sequence_whatever_else_the_folder_holds(data, tmp_path):
    whole = load_dataset(data, "val").sequences[0]
    some = replace(whole, frames=whole.frames[::2])
    folder = RunFolder(tmp_path / "run")
    folder.prepare({}, overwrite=False)
    backbone = load_backbone("efficientnet_lite0", device="cpu")
    config = PropagationConfig(short_side=64, size_multiple=32)
    folder.propagate(some, backbone, config)
    assert {p.stem for p in (folder.masks / some.name).iterdir()} == set(some.frame_names)
    record = load(folder.out / "sequences" / f"{some.name}.json")
    assert record["results"]["frames"] == len(some.frames)
    assert record["settings"]["source"].startswith(str(whole.frames[0].parent))
    lost = replace(whole, frames=(*whole.frames, tmp_path / "lost.png"))
    with pytest.raises(InputError, match=r"lost\.png: no such file"):
        RunFolder(tmp_path / "other").propagate(lost, backbone, config)
    assert not (tmp_path / "other").exists()


def test_weights_may_have_moved(whole, data, tmp_path):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    record = load(out / "run.json")
    record["settings"]["backbone"]["source"] = "/elsewhere/weights.pth"
    (out / "run.json").write_text(json.dumps(record))
    assert davis(data, out) == 0


def test_an_update_amid_a_run_is_noted(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    record = load(out / "sequences" / "bear.json")
    record["versions"]["torch"] = "1.0"
    (out / "sequences" / "bear.json").write_text(json.dumps(record))
    assert davis(data, out) == 0
    assert "different package versions" in capsys.readouterr().out
    assert load(out / "results.json")["made_with_different"] == ["package versions"]


def test_killed_at_any_moment_it_goes_on_to_the_same_scores(tmp_path):
    long = make_davis(tmp_path / "long", {"bear": 40, "crow": 60, "deer": 50})
    assert davis(long, tmp_path / "whole") == 0
    out = tmp_path / "killed"
    process = start(long, out)
    while process.poll() is None and not any((out / "masks").glob("*/*")):
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.3))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (out / "results.json").exists()
    assert load(out / "run.json")["state"] == "running"
    assert davis(long, out) == 0
    assert not (out / "unfinished").exists()
    assert masks_of(out) == masks_of(tmp_path / "whole")
    for name in ("per-frame.csv", "global_results-val.csv", "per-sequence_results-val.csv"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    scores = [load(folder / "results.json") for folder in (out, tmp_path / "whole")]
    assert scores[0]["global"] == scores[1]["global"]
    assert scores[0]["sequences"] == scores[1]["sequences"]


def test_a_stop_is_recorded(data, tmp_path, monkeypatch):
    def interrupt(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "propagate", interrupt)
    assert davis(data, tmp_path / "run") == 130
    assert load(tmp_path / "run" / "run.json")["state"] == "stopped"


def test_a_failing_sequence_is_reported_and_nothing_averaged(own, data, tmp_path, capsys):
    out = tmp_path / "run"
    assert davis(own, out) == 0
    (own / "JPEGImages" / "480p" / "deer" / "00002.png").write_bytes(b"no image")
    assert davis(own, out, "--overwrite") == 1
    assert "failed: deer: " in capsys.readouterr().err
    assert {p.name for p in (out / "masks").iterdir()} == {"bear", "crow"}
    assert load(out / "run.json")["state"] == "failed"
    assert set(load(out / "results.json")) == {"state", "failed"}
    assert set(load(out / "results.json")["failed"]) == {"deer"}
    assert not list(out.glob("*.csv"))
    assert not (out / "report.html").exists()
    whole = data / "JPEGImages" / "480p" / "deer" / "00002.png"
    shutil.copy(whole, own / "JPEGImages" / "480p" / "deer" / "00002.png")
    assert davis(own, out) == 0
    assert load(out / "results.json")["state"] == "complete"


def test_an_error_in_the_code_fails_its_sequence_alone(data, tmp_path, monkeypatch, capsys):
    propagate = RunFolder.propagate

    def broken(self, sequence, *rest):
        if sequence.name == "crow":
            raise RuntimeError("out of memory")
        propagate(self, sequence, *rest)

    monkeypatch.setattr(RunFolder, "propagate", broken)
    assert davis(data, tmp_path / "run") == 1
    said = capsys.readouterr().err
    assert "failed: crow: RuntimeError: out of memory" in said
    assert "Traceback" in said


def torchrun(data, out):
    process = start(data, out, "-m", "torch.distributed.run", "--standalone",
                    "--nproc-per-node", "2")  # fmt: skip
    said, _ = process.communicate(timeout=240)
    return process.returncode, said


def test_two_processes_give_the_same_scores(whole, data, tmp_path):
    status, said = torchrun(data, tmp_path / "run")
    assert status == 0, said
    assert said.count("J&F-Mean") == 1
    assert masks_of(tmp_path / "run") == masks_of(whole)
    assert (tmp_path / "run" / "per-frame.csv").read_bytes() == (
        whole / "per-frame.csv"
    ).read_bytes()
    run = load(tmp_path / "run" / "run.json")
    assert (run["processes"], len(run["machines"])) == (2, 2)


def test_two_processes_report_a_failing_sequence(own, tmp_path):
    (own / "JPEGImages" / "480p" / "deer" / "00002.png").write_bytes(b"no image")
    status, said = torchrun(own, tmp_path / "run")
    assert status == 1, said
    assert said.count("failed: deer: ") == 1
    assert load(tmp_path / "run" / "results.json") == {
        "state": "failed",
        "failed": load(tmp_path / "run" / "results.json")["failed"],
    }
    assert {p.name for p in (tmp_path / "run" / "masks").iterdir()} == {"bear", "crow"}


@pytest.mark.slow
def test_two_processes_say_wrong_input_once(tmp_path):
    status, said = torchrun(tmp_path / "nowhere", tmp_path / "run")
    assert status == 1
    assert said.count("no such folder") == 1


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


def test_a_folder_that_cannot_be_made_is_said(data, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert davis(data, tmp_path / "file" / "run") == 2
    assert "cannot be made" in capsys.readouterr().err
