"""`vos demo`, as it is typed."""

import time

import cv2
import pytest

import vos.datasets.demo_clip
from tests.data.command_lines import names
from vos.cli import VERBS
from vos.cli.verbs import run_verbs


def test_demo_on_a_few_frames(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(vos.datasets.demo_clip, "FRAMES", 4)
    out = tmp_path / "demo"
    argv = ["demo", "--out", str(out), "--short-side", "128", "--device", "cpu"]
    assert run_verbs("vos", "", VERBS, argv) == 0
    told = capsys.readouterr().out
    for mode, folder in (("protocol", "result"), ("adaptive", "adaptive")):
        assert f"{mode} mode: J&F 0." in told
        assert len(names(out / folder / "masks")) == 4
    assert "over 3 objects with efficientnet_lite0" in told
    assert names(out) == ["adaptive", "contact_sheet.png", "frames", "result", "truth"]
    assert "frames/s" in told
    sheet = cv2.imread(str(out / "contact_sheet.png"))
    assert sheet.shape[0] > 500
    assert run_verbs("vos", "", VERBS, argv) == 2
    advice = capsys.readouterr().err
    assert "holds a demo already; replace it (--overwrite)" in advice
    assert "--resume" not in advice
    argv[1] = "-o"
    weaker = ["--mode", "adaptive", "--adaptive-strength", "1"]
    assert run_verbs("vos", "", VERBS, [*argv, "--overwrite", "--threads", "1", *weaker]) == 0


@pytest.mark.parametrize("name", ["frames", "truth"])
def test_demo_leaves_folders_of_others_alone(tmp_path, capsys, name):
    mine = tmp_path / name / "00000.png"
    mine.parent.mkdir()
    mine.write_text("mine")
    for more in ([], ["--overwrite"]):
        assert run_verbs("vos", "", VERBS, ["demo", "--out", str(tmp_path), *more]) == 2
        assert "left alone" in capsys.readouterr().err
    assert mine.read_text() == "mine"
    assert names(tmp_path) == [name]


@pytest.mark.slow
def test_demo_as_it_ships(tmp_path, capsys):
    start = time.monotonic()
    assert run_verbs("vos", "", VERBS, ["demo", "--out", str(tmp_path / "demo")]) == 0
    seconds = time.monotonic() - start
    told = capsys.readouterr().out
    protocol, adaptive = (float(part.split()[0]) for part in told.split("J&F ")[1:3])
    print(f"demo: {seconds:.0f} s, {told}")
    assert protocol > 0.8
    assert adaptive > protocol
    assert len(names(tmp_path / "demo" / "result" / "masks")) == 48
