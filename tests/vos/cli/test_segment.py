"""`vos segment` and `vos demo` as a user meets them: options, exit status, signals, messages."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.data.command_lines import names
from vos.cli import VERBS
from vos.cli.verbs import parse, run_verbs
from vos.masks.io import read_index_png, write_mask
from vos.propagation.config import PropagationConfig
from vos.propagation.presets import PRESETS
from vos.segmentation.passes.backward_pass import BackwardPass
from vos.video.reader import open_frames

ROOT = Path(__file__).resolve().parents[3]


SMALL = ["--backbone", "efficientnet_lite0", "--short-side", "64", "--precision", "fp32"]


SMALL += ["--device", "cpu"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder `frames` of eight pictures of 96x128, and `mask.png` of the first."""
    root = tmp_path_factory.mktemp("clip")
    (root / "frames").mkdir()
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(60, 120, (12, 16, 3), dtype=np.uint8), (128, 96))
    for number in range(8):
        image, ids = ground.copy(), np.zeros((96, 128), np.uint8)
        cv2.circle(image, (30 + 6 * number, 40), 18, (30, 40, 220), -1)
        cv2.circle(ids, (30 + 6 * number, 40), 18, 5, -1)
        cv2.imwrite(str(root / "frames" / f"{number}.png"), image)
        if number == 0:
            write_mask(root / "mask.png", ids)
    return root


def call(*argv):
    return run_verbs("vos", "", VERBS, ["segment", *map(str, argv)])


def command(clip, out):
    return [clip / "frames", "--mask", clip / "mask.png", "-o", out, *SMALL]


def test_segment_says_what_takes_a_moment_on_standard_error(clip, tmp_path, capsys):
    assert call(*command(clip, tmp_path / "out")) == 0
    captured = capsys.readouterr()
    assert "loading efficientnet_lite0 …" in captured.err.splitlines()
    assert "loading" not in captured.out


def test_threads_are_pytorchs(clip, tmp_path):
    before = torch.get_num_threads()
    try:
        assert call(*command(clip, tmp_path / "out"), "--threads", "1") == 0
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_segment_says_what_it_did(clip, tmp_path, capsys):
    out = tmp_path / "out"
    assert call(*command(clip, out), "--soft", "npz", "--rle", "coco") == 0
    captured = capsys.readouterr()
    assert "8 frames, objects 5; ms a frame: features" in captured.out
    assert f"masks: {out / 'masks'}" in captured.out
    assert f"overlay: {out / 'overlay.mp4'}" in captured.out
    assert "segment: 8/8 frames" in captured.err
    assert names(out) == ["masks", "overlay.mp4", "rle.json", "run.json", "soft"]
    last = read_index_png(out / "masks" / "7.png")
    assert last[40, 72] == 5
    assert last[80, 10] == 0
    record = json.loads((out / "run.json").read_text())
    assert record["settings"]["propagation"]["short_side"] == 64
    assert record["settings"]["backbone"]["name"] == "efficientnet_lite0"
    assert len(record["settings"]["backbone"]["sha256"]) == 64
    assert call(*command(clip, out), "--soft", "npz", "--rle", "coco", "--resume") == 0
    assert "complete already" in capsys.readouterr().out


def test_a_mask_on_a_later_frame_goes_both_ways(clip, tmp_path, capsys):
    source = [clip / "frames", "--mask", f"3:{clip / 'mask.png'}", *SMALL]
    assert call(*source, "-o", tmp_path / "both") == 0
    said = capsys.readouterr().err
    assert "the first mask is for frame 3: segmenting back to frame 0 too" in said
    assert "segment: 12/12 frames" in said
    listed = tmp_path / "list.csv"
    lines = [f"{clip / 'frames'},3:{clip / 'mask.png'},{tmp_path / way}" for way in ("a", "b")]
    listed.write_text("\n".join(["video,mask,output", *lines]))
    assert call("--batch", listed, "--direction", "forward", *SMALL) == 0
    for way, empty in (("both", False), ("a", True), ("b", True)):
        record = json.loads((tmp_path / way / "run.json").read_text())
        assert record["settings"]["direction"] == ("forward" if empty else "both")
        masks = tmp_path / way / "masks"
        assert read_index_png(masks / "0.png").any() != empty
        assert read_index_png(masks / "7.png").any()


def test_a_stop_in_the_backward_pass_says_how_to_go_on(clip, tmp_path, capsys, monkeypatch):
    def interrupted(self, *_rest):
        if self.done == 2:
            raise KeyboardInterrupt
        return step(self, *_rest)

    step = BackwardPass._step
    monkeypatch.setattr(BackwardPass, "_step", interrupted)
    source = [clip / "frames", "--mask", f"5:{clip / 'mask.png'}", *SMALL, "-o", tmp_path / "out"]
    assert call(*source) == 130
    said = capsys.readouterr().err
    assert f"the backward pass is kept in {tmp_path / 'out'}; give the same command with" in said
    monkeypatch.undo()
    assert call(*source, "--resume") == 0
    assert len(names(tmp_path / "out" / "masks")) == 8


def test_tables_are_written_and_said(clip, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["--confidence", "--mark-unsure", "0.9", "--measure"]
    options += ["--pixel-size", "0.65", "--pixel-unit", "um", "--measure-fps", "4"]
    assert call(*command(clip, out), *options) == 0
    printed = capsys.readouterr().out
    assert f"confidence: {out / 'confidence.csv'}" in printed
    assert f"measurements: {out / 'measurements.csv'}" in printed
    lines = (out / "measurements.csv").read_text().splitlines()
    assert len(lines) == 9
    assert lines[0].startswith("frame,name,time_s,object,area_um2,centroid_x_um,")
    assert lines[8].startswith("7,7,1.750000,5,")
    assert call(*command(clip, out), *options, "--resume") == 0
    assert "complete already" in capsys.readouterr().out
    assert call(*command(clip, out), *options[:-2], "--resume") == 2
    assert "measure_fps" in capsys.readouterr().err


def test_options_of_every_group_are_taken(clip, tmp_path):
    out = tmp_path / "out"
    options = ["--n-last-frames", "3", "--neighborhood-radius", "5", "--topk", "7"]
    options += ["--neighborhood-shape", "circle", "--temperature", "0.2"]
    options += ["--upsampling", "nearest", "--no-stretch-channels", "--size-multiple", "32"]
    options += ["--start", "1", "--end", "6", "--stride", "2", "--no-overlay"]
    write_mask(tmp_path / "later.png", np.pad(np.full((9, 9), 7, np.uint8), ((80, 7), (9, 110))))
    options += ["--mask", f"3:{tmp_path / 'later.png'}"]
    assert call(*command(clip, out), *options) == 0
    settings = json.loads((out / "run.json").read_text())["settings"]
    told = settings["propagation"]
    assert (told["n_last_frames"], told["neighborhood_radius"], told["topk"]) == (3, 5, 7)
    assert (told["neighborhood_shape"], told["temperature"]) == ("circle", 0.2)
    assert (told["upsampling"], told["stretch_channels"]) == ("nearest", False)
    assert names(out / "masks") == ["1.png", "3.png", "5.png"]
    assert sorted(settings["masks"]) == ["1", "3"]
    assert 7 in read_index_png(out / "masks" / "3.png")


WRONG = {
    "no such source": (["nowhere.mp4"], {}, "no such file"),
    "no mask": ([], {"mask": None}, "give --mask FILE"),
    "no such mask": ([], {"mask": "none.png"}, "no such mask file"),
    "two first masks": (["--mask", "{mask}"], {}, "two masks for the first frame"),
    "mask beyond the end": (["--mask", "99:{mask}"], {}, "has only 8 frames"),
    "radius": (["--neighborhood-radius", "-1"], {}, "neighborhood_radius is -1"),
    "topk": (["--topk", "0"], {}, "topk is 0"),
    "temperature": (["--temperature", "0"], {}, "temperature is 0"),
    "stride": (["--stride", "0"], {}, "stride is 0"),
    "end": (["--end", "0"], {}, "end 0"),
    "overlay rate": (["--overlay-fps", "-2"], {}, "overlay fps is -2"),
    "backbone": (["--backbone", "dino_vits9"], {}, "no backbone is named"),
    "weights": (["--weights", "none.pth"], {}, "no checkpoint at"),
    "device": (["--device", "gpu"], {}, "device 'gpu' is not known"),
    "both": (["--resume", "--overwrite"], {}, "exclude each other"),
    "short side": (["--short-side", "3"], {}, "no patch"),
    "precision": (["--precision", "fp64"], {}, "fp64"),
    "no number": (["--topk", "many"], {}, "many"),
    "unknown option": (["--top-k-neighbours", "3"], {}, "top-k-neighbours"),
}


@pytest.mark.parametrize("case", WRONG, ids=lambda name: name.replace(" ", "-"))
def test_wrong_input_ends_with_status_2_and_no_traceback(clip, tmp_path, capsys, case, monkeypatch):
    monkeypatch.chdir(tmp_path)
    extra, change, told = WRONG[case]
    source = clip / "frames"
    if case == "no such source":
        source, extra = extra[0], []
    mask = change.get("mask", clip / "mask.png")
    argv = [source, "-o", "out", *SMALL, *([] if mask is None else ["--mask", mask])]
    argv += [str(part).format(mask=clip / "mask.png") for part in extra]
    if "--backbone" in extra or "--weights" in extra:
        at = argv.index("--backbone")
        del argv[at : at + 2]
    assert call(*argv) == 2
    captured = capsys.readouterr()
    assert told in captured.err
    assert "Traceback" not in captured.err
    assert not list(tmp_path.glob("out/masks/*"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_where_there_is_none(clip, tmp_path, capsys):
    argv = [clip / "frames", "--mask", clip / "mask.png", "-o", tmp_path / "out"]
    assert call(*argv, "--backbone", "efficientnet_lite0", "--device", "cuda") == 2
    assert "use --device cpu" in capsys.readouterr().err


def test_weights_that_are_not_here_tell_the_ways_out(clip, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("vos.backbones.registry._OFFICIAL", "http://127.0.0.1:9")
    monkeypatch.setattr("vos.backbones.registry._HUB", "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    argv = [clip / "frames", "--mask", clip / "mask.png", "-o", tmp_path / "out"]
    assert call(*argv, "--device", "cpu") == 2
    told = capsys.readouterr().err
    assert "the weights of dino_vits8 are not on this machine" in told
    for way in ("1. fetch", "2. use a file you have", "3. use the built-in"):
        assert way in told


def test_another_run_and_a_file_in_the_way(clip, tmp_path, capsys):
    out = tmp_path / "out"
    assert call(*command(clip, out), "--end", "2") == 0
    assert call(*command(clip, out), "--end", "2") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert call(*command(clip, out), "--end", "3", "--resume") == 2
    assert "frames" in capsys.readouterr().err
    assert call(*command(clip, out), "--end", "3", "--overwrite") == 0
    assert call(*command(clip, out / "run.json" / "below")) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_a_damaged_picture_in_the_middle(clip, tmp_path, capsys):
    frames = tmp_path / "frames"
    frames.mkdir()
    for path in (clip / "frames").iterdir():
        (frames / path.name).symlink_to(path)
    (frames / "4.png").unlink()
    (frames / "4.png").write_bytes(b"not a picture")
    argv = [frames, "--mask", clip / "mask.png", "-o", tmp_path / "out", *SMALL]
    assert call(*argv) == 2
    assert "4.png: not a picture" in capsys.readouterr().err
    assert names(tmp_path / "out" / "masks") == [f"{n}.png" for n in range(4)]


def test_a_failing_disk_ends_with_status_1(clip, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vos.segmentation.sinks.pictures.write_mask", full)
    assert call(*command(clip, tmp_path / "out")) == 1
    captured = capsys.readouterr()
    assert "No space left on device" in captured.err
    assert "Traceback" not in captured.err


STUCK = """
import sys, time
import vos.segmentation.pipeline
vos.segmentation.pipeline._SAVE_SECONDS = 0.0
step = vos.segmentation.pipeline.Pipeline._step
def stuck(self, *rest):
    step(self, *rest)
    if self.done == 2:
        print("third frame", flush=True)
        time.sleep(100)
vos.segmentation.pipeline.Pipeline._step = stuck
from vos.cli import main
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_signals_leave_whole_files_and_a_run_to_go_on_with(clip, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    whole = tmp_path / "whole"
    assert call(*command(clip, whole)) == 0
    expected = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}
    running = {}
    for sent in expected:  # all at once: starting is what takes long
        argv = ["segment", *map(str, command(clip, tmp_path / sent.name))]
        running[sent] = subprocess.Popen(
            [sys.executable, "-c", STUCK, *argv],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip
    for process in running.values():
        for line in process.stdout:
            if line.startswith("third frame"):
                break
    time.sleep(1)  # the writing thread may be behind
    for sent, process in running.items():
        process.send_signal(sent)
    for sent, process in running.items():
        _, told = process.communicate(timeout=60)
        assert process.returncode == expected[sent], told
        assert "Traceback" not in told
        out = tmp_path / sent.name
        done = names(out / "masks")
        written = [name for name in done if not name.startswith(".")]
        assert len(written) == 3
        for name in written:
            ours, want = (read_index_png(root / "masks" / name) for root in (out, whole))
            assert np.array_equal(ours, want)
        state = json.loads((out / "run.json").read_text())["state"]
        assert state == ("running" if sent == signal.SIGKILL else "stopped")
        if sent != signal.SIGKILL:
            name = "SIGTERM" if sent == signal.SIGTERM else "Ctrl-C"
            assert f"stopped by {name}; 3 frames are kept in {out}; give the same" in told
            assert "--resume to go on" in told
            with open_frames(out / "overlay.mp4") as overlay:
                assert len(list(overlay)) == len(written)
        assert call(*command(clip, out), "--resume") == 0
        assert names(out) == names(whole)
        for name in names(whole / "masks"):
            ours, want = (read_index_png(root / "masks" / name) for root in (out, whole))
            assert np.array_equal(ours, want)
        with open_frames(out / "overlay.mp4") as overlay:
            assert len(list(overlay)) == 8


def parsed(*arguments):
    verb = next(verb for verb in VERBS if verb.name == "segment")
    return parse("vos segment", verb.load_for(arguments), arguments).propagation


def test_a_preset_gives_the_defaults_and_options_replace_single_ones():
    assert parsed() == parsed("--preset", "dino-davis") == PropagationConfig()
    published = PRESETS["siammae-vip"].propagation
    assert parsed("--preset=siammae-vip") == published
    assert parsed("--topk", "3", "--preset", "siammae-vip") == replace(published, topk=3)


@pytest.mark.parametrize(
    ("preset", "message"),
    [("dino", "no preset 'dino'; the presets are: dino-davis"), ("pips-badja", "is for points")],
)
def test_a_preset_that_does_not_fit_is_refused(preset, message, capsys):
    assert run_verbs("vos", "", VERBS, ["segment", "--preset", preset]) == 2
    assert message in capsys.readouterr().err
