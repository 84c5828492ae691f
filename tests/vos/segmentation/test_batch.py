"""Lists of videos: reading them, going on after a failure, sharing them out."""

import codecs
import csv
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.errors import InputError
from vos.masks.io import read_index_png, write_mask
from vos.segmentation.batch import BatchItem, read_batch, run_batch

FAST = ("--backbone", "efficientnet_lite0", "--precision", "fp32", "--short-side", "64",
        "--no-overlay", "--device", "cpu")  # fmt: skip


def write_list(path, rows, columns=("video", "mask", "output")):
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([columns, *rows])
    return path


@pytest.fixture
def videos(tmp_path):
    """Three folders of three frames, each with a bright square as its object."""
    noise = np.random.default_rng(0).integers(0, 90, (96, 128, 3), dtype=np.uint8)
    for name in ("a", "b", "c"):
        for number in range(3):
            image, ids = noise.copy(), np.zeros((96, 128), np.uint8)
            left = 30 + 4 * number
            image[30:60, left : left + 30] = 220
            ids[30:60, left : left + 30] = 1
            (tmp_path / name).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), image)
            if number == 0:
                write_mask(tmp_path / f"{name}.png", ids)
    return tmp_path


def rows_of(folder):
    return [
        (str(folder / name), str(folder / f"{name}.png"), str(folder / f"out_{name}"))
        for name in ("a", "b", "c")
    ]


def segment_list(path):
    return run_verbs("vos", "", VERBS, ["segment", "--batch", str(path), *FAST])


def test_reads_videos_masks_and_outputs(tmp_path):
    path = write_list(tmp_path / "list.csv", [("clip.mp4", "first.png; 45:later.png", "out")])
    masks = {None: Path("first.png"), 45: Path("later.png")}
    assert read_batch(path) == [BatchItem("clip.mp4", masks, Path("out"))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_reads_the_lists_that_spreadsheets_write(tmp_path, encoding, separator):
    rows = [("Video ", "mask", "OUTPUT"), ("é.mp4", '"a.png;45:b.png"', "out"), ("c", "d", "e")]
    text = "\r\n".join(separator.join(row) for row in rows)
    mark = codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""
    (tmp_path / "list.csv").write_bytes(mark + text.encode(encoding))
    masks = {None: Path("a.png"), 45: Path("b.png")}
    assert read_batch(tmp_path / "list.csv") == [
        BatchItem("é.mp4", masks, Path("out")),
        BatchItem("c", {None: Path("d")}, Path("e")),
    ]


def test_a_field_that_is_too_long_is_refused(tmp_path):
    path = write_list(tmp_path / "list.csv", [("a" * 200_000, "m", "o")])
    with pytest.raises(InputError, match=r"list\.csv cannot be read: field larger"):
        read_batch(path)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([("a", "m", "o")], ("video", "mask", "out"), "expected a first line video,mask,output"),
        ([], ("video", "mask", "output"), "lists no videos"),
        ([("a", "", "o")], ("video", "mask", "output"), "line 2: no mask"),
        ([("a", "m", "o", "x")], ("video", "mask", "output"), "more than three fields"),
        ([("a", "m", "o"), ("b", "m", "o")], ("video", "mask", "output"), "output twice: o"),
    ],
)
def test_refuses_lists_that_cannot_be_meant(tmp_path, rows, columns, message):
    with pytest.raises(InputError, match=message):
        read_batch(write_list(tmp_path / "list.csv", rows, columns))


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv cannot be read"):
        read_batch(tmp_path / "nowhere.csv")


def test_a_failed_video_does_not_stop_the_others():
    items = [BatchItem(name, {}, Path(name)) for name in "abc"]
    done = []

    def segment(item):
        if item.video == "b":
            raise RuntimeError("out of memory")
        done.append(item.video)

    (failure,) = run_batch(items, range(3), segment)
    assert done == ["a", "c"]
    assert (failure.video, failure.reason) == ("b", "RuntimeError: out of memory")


def test_a_list_on_the_command_line(videos, capsys):
    rows = rows_of(videos)
    rows[1] = (str(videos / "nowhere"), rows[1][1], rows[1][2])
    assert segment_list(write_list(videos / "list.csv", rows)) == 1
    said = capsys.readouterr()
    assert "2 of 3 videos done" in said.out
    assert f"failed: {videos / 'nowhere'}: " in said.err
    for name in ("a", "c"):
        masks = sorted((videos / f"out_{name}" / "masks").iterdir())
        assert [read_index_png(mask).max() for mask in masks] == [1, 1, 1]


def test_a_list_and_a_video_exclude_each_other(videos, capsys):
    path = write_list(videos / "list.csv", rows_of(videos))
    arguments = ["segment", "clip.mp4", "--batch", str(path), *FAST]
    assert run_verbs("vos", "", VERBS, arguments) == 2
    assert "no others beside it" in capsys.readouterr().err


def test_neither_a_list_nor_a_video_is_a_usage_error(capsys):
    assert run_verbs("vos", "", VERBS, ["segment", *FAST]) == 2
    assert "give a video" in capsys.readouterr().err


def test_two_processes_share_a_list(videos):
    pytest.importorskip("torch")  # for the process started below
    path = write_list(videos / "list.csv", rows_of(videos))
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "vos")
    done = subprocess.run(
        [sys.executable, *launch, "segment", "--batch", str(path), *FAST],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("3 of 3 videos done") == 1
    for name in ("a", "b", "c"):
        assert done.stdout.count(f"{videos / name}: 3 frames") == 1
        assert len(list((videos / f"out_{name}" / "masks").iterdir())) == 3


def run_list(path, *launch, rest=()):
    done = subprocess.run(
        [sys.executable, *launch, "-m", "vos", "segment", "--batch", str(path), *FAST, *rest],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return done.returncode, done.stdout, done.stderr.strip()


def test_processes_share_a_list_and_end_with_the_summary(videos):
    pytest.importorskip("torch")
    rows = [*rows_of(videos)[:2], (str(videos / "nowhere"), str(videos / "a.png"), "out_n")]
    path = write_list(videos / "list.csv", rows)
    status, said, errors = run_list(path, rest=("--processes", "2"))
    assert status == 1
    assert said.count("2 of 3 videos done") == 1
    assert "Traceback" not in errors
    assert errors.splitlines()[-1].startswith(f"failed: {videos / 'nowhere'}: ")
    for name in ("a", "b"):
        assert len(list((videos / f"out_{name}" / "masks").iterdir())) == 3


@pytest.mark.slow
def test_torchrun_ends_with_the_summary(videos):
    rows = [*rows_of(videos)[:1], (str(videos / "nowhere"), str(videos / "a.png"), "out_n")]
    path = write_list(videos / "list.csv", rows)
    launch = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    status, said, errors = run_list(path, *launch)
    assert (status, said.count("1 of 2 videos done")) == (1, 1)
    assert "1 of 2 videos done\n  failed: " in errors[-600:]


def test_processes_are_for_lists(videos, capsys):
    video, mask, out = rows_of(videos)[0]
    arguments = ["segment", video, "--mask", mask, "-o", out, "--processes", "2"]
    assert run_verbs("vos", "", VERBS, arguments) == 2
    assert "give it with --batch" in capsys.readouterr().err
    arguments = ["segment", "--batch", "list.csv", "--processes", "0"]
    assert run_verbs("vos", "", VERBS, arguments) == 2
    assert "--processes 0: expected 1 or more" in capsys.readouterr().err


def test_a_failure_that_nobody_foresaw_is_told_in_full(capsys):
    def broken(_item):
        raise KeyError("place")

    items = [BatchItem("clip.mp4", {None: Path("m.png")}, Path("out"))]
    (failure,) = run_batch(items, [0], broken)
    assert failure.reason == "KeyError: 'place'"
    assert "Traceback" in capsys.readouterr().err
