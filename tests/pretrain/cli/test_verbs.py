"""The command line: presets and overrides, checks, exit status, real processes."""

import io
import json
import signal
import subprocess
import sys
import tarfile
import types
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pretrain.cli import VERBS, preset_in, run
from pretrain.cli.slurm import TrainingJob
from pretrain.train import DivergedError, TrainResult
from tests.pretrain.runs import photos, tiny_vit, whole

__all__ = ["photos", "tiny_vit", "whole"]


@pytest.fixture
def taken(monkeypatch):
    """Keep what `train` was asked for."""
    seen = []

    def fake(config, run_options):
        seen.append((config, run_options))
        return TrainResult(3, True, None, None)

    monkeypatch.setattr("pretrain.train.train", fake)
    return seen


def test_a_preset_with_one_value_changed(taken):
    assert run(["train", "--preset", "dino_vits8", "--lr", "1e-4", "--data-path", "a", "b"]) == 0
    config, options = taken[0]
    assert (config.patch_size, config.local_crops_number, config.lr) == (8, 10, 1e-4)
    assert options.data_path == ("a", "b")


def test_data_are_named_in_one_of_two_ways(taken, capsys):
    assert run(["train", "a", "b", "--preset", "cpu"]) == 0
    assert run(["train", "--preset", "cpu", "a", "b"]) == 0
    assert run(["train", "--preset", "cpu", "--data-path", "a", "b"]) == 0
    assert [options.data_path for _, options in taken] == [("a", "b")] * 3
    assert run(["train", "a", "--data-path", "b"]) == 2
    assert "named twice, as a and by --data-path b" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["train", "check-data", "show-crops"])
def test_no_data_are_asked_for_by_a_name_that_the_help_has(taken, verb, capsys):
    assert run([verb]) == 2 and not taken
    assert "no data given; name one or more folders" in capsys.readouterr().err
    assert run([verb, "--help"]) == 0
    assert "DATA [DATA ...]" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["-o", "--out", "--output-dir"])
def test_the_output_of_training_has_three_names(taken, option):
    assert run(["train", "a", option, "runs/mine"]) == 0
    assert taken[0][1].output_dir == Path("runs/mine")


def test_options_in_groups_are_given_plainly(taken):
    options = ["--cache-gb", "2", "--frames-per-video", "4", "--probe-epochs", "3"]
    assert run(["train", "a", *options, "--davis-path", "DAVIS"]) == 0
    given = taken[0][1]
    assert (given.sources.cache_gb, given.sources.frames_per_video) == (2, 4)
    assert (given.probes.probe_epochs, given.probes.davis_path) == (3, Path("DAVIS"))
    written = given.as_dict()
    assert written["cache_gb"] == 2 and written["davis_path"] == "DAVIS"
    assert "sources" not in written and "probes" not in written


def test_without_a_preset_the_published_defaults(taken):
    run(["train", "--data-path", "a"])
    assert taken[0][0].out_dim == 65536 and taken[0][0].patch_size == 16


@pytest.mark.parametrize("arguments", [["--preset", "huge"], ["--preset=huge"]])
def test_an_unknown_preset_is_said(arguments, capsys):
    assert run(["train", *arguments]) == 2
    assert "dino_vits8" in capsys.readouterr().err


def test_the_preset_is_found_in_a_command_line():
    assert preset_in(["train", "--preset", "cpu"]) == preset_in(["train", "--preset=cpu"]) == "cpu"
    assert preset_in(["train"]) == preset_in(["train", "--preset"]) == ""


def test_values_out_of_range_exit_with_2(capsys):
    assert run(["train", "--teacher-temp", "9", "--data-path", "a"]) == 2
    assert "teacher_temp is 9.0" in capsys.readouterr().err


def test_help_lists_every_verb(capsys):
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(verb.name in said for verb in VERBS)


def test_how_a_run_ends_is_told_by_the_status(monkeypatch, capsys):
    ends = iter([TrainResult(3, False, signal.SIGTERM, Path("x.pth"))])
    monkeypatch.setattr("pretrain.train.train", lambda config, options: next(ends))
    assert run(["train", "a"]) == 143
    assert "--resume auto" in capsys.readouterr().err

    def diverged(config, options):
        raise DivergedError("lower lr")

    monkeypatch.setattr("pretrain.train.train", diverged)
    assert run(["train", "a"]) == 1
    assert "lower lr" in capsys.readouterr().err


def test_check_data_counts_and_lists(photos, tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    for path in photos.iterdir():
        (data / path.name).write_bytes(path.read_bytes())
    assert run(["check-data", str(data), "--out", str(tmp_path / "good")]) == 0
    (data / "bad.jpg").write_bytes(b"junk")
    (data / "gone.jpg").symlink_to(tmp_path / "nowhere")
    Image.new("P", (300, 400)).save(data / "p.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(data / "turned.jpg", exif=exif)
    assert run(["check-data", str(data), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "17 samples read, 2 broken" in said and "broken: bad.jpg" in said
    report = json.loads((tmp_path / "out" / "data.json").read_text())
    assert set(report["broken"]) == {"bad.jpg", "gone.jpg"}
    assert report["modes"] == {"RGB": 14, "P": 1} and report["turned"] == 1
    assert report["smaller_than_crop"] == 14 and report["short_side_percentiles"]["100"] == 300
    assert cv2.imread(str(tmp_path / "out" / "contact_sheet.png")).shape[1] % 96 == 0


def test_check_data_of_nothing_readable(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"junk")
    assert run(["check-data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert (tmp_path / "out" / "contact_sheet.png").is_file()


def test_crops_are_drawn_a_row_an_image(photos, tmp_path):
    out = tmp_path / "crops.png"
    arguments = ["--out", str(out), "--images", "2", "--preset", "cpu"]
    assert run(["show-crops", str(photos), *arguments]) == 0
    assert cv2.imread(str(out)).shape == (2 * 96, 6 * 96, 3)


def test_crops_of_a_pipe_need_its_length(photos, tmp_path, capsys):
    with tarfile.open(tmp_path / "0.tar", "w") as archive:
        archive.add(photos, "photos")
    out = tmp_path / "crops.png"
    arguments = [f"pipe:cat {tmp_path}/0.tar", "-o", str(out), "--images", "2", "--preset", "cpu"]
    assert run(["show-crops", *arguments]) == 2
    assert "--samples-per-shard" in capsys.readouterr().err
    options = ["--samples-per-shard", "13", "--shard-cache", str(tmp_path / "cache")]
    assert run(["show-crops", *arguments, *options]) == 0
    assert out.is_file()


def test_plot_draws_the_curves(whole, tmp_path, capsys):
    (whole / "curves.png").unlink()
    assert run(["plot", str(whole)]) == 0
    assert (whole / "curves.png").is_file()
    assert run(["plot", str(whole), "-o", str(tmp_path / "mine.png")]) == 0
    assert (tmp_path / "mine.png").is_file()
    assert run(["plot", str(whole), "-o", str(tmp_path / "mine.jpg")]) == 2
    assert "ends in .png" in capsys.readouterr().err


def test_what_takes_a_while_is_said_before_it(photos, tmp_path, capsys):
    assert run(["check-data", str(photos), "-o", str(tmp_path)]) == 0
    assert capsys.readouterr().err.startswith(f"reading the list of images in {photos} …")


def test_slurm_needs_submitit(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert run(["slurm", "--", "--preset", "dino_vits8"]) == 2
    assert "pip install submitit" in capsys.readouterr().err


def test_slurm_submits_one_task_a_node(monkeypatch, tmp_path, capsys):
    asked = {}

    class Executor:
        def __init__(self, folder):
            asked["folder"] = folder

        def update_parameters(self, **options):
            asked.update(options)

        def submit(self, job):
            asked["job"] = job
            return types.SimpleNamespace(job_id="42")

    helpers = types.SimpleNamespace(DelayedSubmission=lambda job: ("again", job))
    fake = types.SimpleNamespace(AutoExecutor=Executor, helpers=helpers)
    monkeypatch.setitem(sys.modules, "submitit", fake)
    options = ["--nodes", "2", "--gpus", "4", "--partition", "gpu", "--logs", str(tmp_path)]
    assert run(["slurm", *options, "--", "--preset", "dino_vits8"]) == 0
    assert asked["nodes"] == 2 and asked["gpus_per_node"] == 4 and asked["slurm_partition"] == "gpu"
    assert "job 42" in capsys.readouterr().out
    assert asked["job"].arguments == ("--preset", "dino_vits8")
    again, job = asked["job"].checkpoint()
    assert again == "again" and job.command("node1")[-4:] == [
        *("--preset", "dino_vits8", "--resume", "auto")
    ]


def test_a_job_that_is_queued_again_resumes_from_its_own_checkpoints(monkeypatch, taken):
    helpers = types.SimpleNamespace(DelayedSubmission=lambda job: job)
    monkeypatch.setitem(sys.modules, "submitit", types.SimpleNamespace(helpers=helpers))
    job = TrainingJob(("--data-path", "a", "--resume=x.pth"), gpus=1, nodes=1)
    assert "auto" not in job.command("node1")
    command = job.checkpoint().command("node1")
    assert run(command[command.index("train") :]) == 0
    assert taken[0][1].resume == "auto"


def test_a_slurm_node_runs_torchrun(monkeypatch):
    commands = []

    def fake(command, **_options):
        commands.append(command)
        return types.SimpleNamespace(stdout="node1\nnode2\n", returncode=0)

    monkeypatch.setattr(subprocess, "run", fake)
    monkeypatch.setenv("SLURM_JOB_ID", "4123456")
    assert TrainingJob(("--preset", "small"), gpus=4, nodes=2)() == 0
    line = " ".join(commands[1])
    assert "--nnodes=2 --nproc-per-node=4" in line and "--rdzv-endpoint=node1:23456" in line
    assert line.endswith("-m pretrain train --preset small --resume auto")


def test_an_image_in_memory_is_no_source(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(buffer, "PNG")
    (tmp_path / "one.png").write_bytes(buffer.getvalue())
    assert run(["check-data", str(tmp_path / "one.png")]) == 2
