"""`vos-pretrain train`: presets, overrides, data, and how a run ends."""

import signal
from pathlib import Path

import pytest

from pretrain.cli import run
from pretrain.data.dataset import SampleError
from pretrain.train import DivergedError, TrainResult


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


def test_a_preset_for_trained_weights_asks_for_them(taken, capsys):
    asked = ["train", "a", "--preset", "finetune-dino"]
    assert run(asked) == run([*asked, "--resume", "auto"]) == 2
    assert "give them by --init-from: dino_vits16, or a file" in capsys.readouterr().err
    assert run([*asked, "--init-from", "dino_vits16"]) == 0
    assert taken[0][1].init_from == "dino_vits16" and taken[0][0].epochs == 20


def test_the_end_names_the_next_commands(taken, capsys, tmp_path):
    out = tmp_path / "my run"
    assert run(["train", "a", "-o", str(out)]) == 0
    printed = capsys.readouterr().out
    assert f"vos-pretrain export '{out}' -o '{out}/backbone.safetensors'" in printed
    assert f"vos segment clip.mp4 --mask first.png --weights '{out}/backbone.saf" in printed
    (out / "checkpoints").mkdir(parents=True)
    (out / "checkpoints" / "best-knn_top1-0.5-step-3.pth").write_bytes(b"")
    assert run(["train", "a", "-o", str(out)]) == 0
    assert f"export '{out}/checkpoints/best-knn_top1-0.5-step-3.pth' -o" in capsys.readouterr().out


def test_without_a_preset_the_published_defaults(taken):
    run(["train", "--data-path", "a"])
    assert taken[0][0].out_dim == 65536 and taken[0][0].patch_size == 16


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

    def tripped(config, options):
        raise SampleError("the sample a.jpg cannot be used")

    monkeypatch.setattr("pretrain.train.train", tripped)
    assert run(["train", "a"]) == 1
    assert "failed: the sample a.jpg cannot be used; go on with" in capsys.readouterr().err
