"""What version 0.1 wrote is read, resumed and gives the same results."""

import hashlib
import json
import sys

import numpy as np
import pytest
import torch

import vos

# --- The places of code that may move. All else goes through `vos` and the programs' entry points.
from benchmarks.cli import main as bench_main
from pretrain.cli import main as pretrain_main
from tests.data import version_0_1 as old
from tests.data import version_0_1_extraction as old_extraction
from tests.data import version_0_1_training as old_training
from tests.pretrain.runs import tiny_vit
from vos.cli import main as vos_main
from vos.propagation.snapshot import load_snapshot

# ---

__all__ = ["tiny_vit"]

CONFIG = vos.PropagationConfig(short_side=0)
NO_OVERLAY = vos.OutputOptions(overlay=False)
ON_CPU = ("--device", "cpu", "--precision", "fp32", "--short-side", "0")


def run(main, *arguments):
    """Run a program in this process; return its exit status."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(sys, "argv", ["program", *map(str, arguments)])
        main()
    return end.value.code


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return old.write_pictures(tmp_path_factory.mktemp("clip") / "frames")


@pytest.fixture(scope="module")
def mask(tmp_path_factory):
    path = tmp_path_factory.mktemp("mask") / "first.png"
    old.write_mask(path, old.true_mask(0))
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return old.write_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


@pytest.fixture(scope="module")
def backbone(weights):
    return vos.load_backbone(weights=weights, device="cpu", precision="fp32")


def masks_of(out, sequence=""):
    return [vos.read_mask(path).ids for path in sorted((out / "masks" / sequence).iterdir())]


def times_of(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


# --- a run of `vos segment`


@pytest.fixture
def earlier_run(clip, mask, weights, tmp_path):
    """Write the folder of a run in a state."""

    def write(state):
        return old.write_run(tmp_path / "out", clip, mask, weights, state)

    return write


@pytest.fixture
def segment(clip, mask, backbone):
    def run_into(out, config=CONFIG, *, resume=True):
        options = {"backbone": backbone, "config": config, "outputs": NO_OVERLAY}
        return vos.segment_video(clip, mask, out, resume=resume, **options)

    return run_into


def test_an_undisturbed_run_has_the_masks_of_version_0_1(segment, tmp_path):
    segment(tmp_path, resume=False)
    digest = hashlib.sha256(b"".join(ids.tobytes() for ids in masks_of(tmp_path)))
    assert digest.hexdigest() == old.recorded("segment_results")["sha256"]


def test_a_stopped_run_goes_on_from_its_state(earlier_run, segment):
    out = earlier_run("stopped")
    result = segment(out)
    assert (result.frames, result.computed) == (old.FRAMES, old.FRAMES - old.STOP)
    assert np.array_equal(masks_of(out), old.predicted_masks())
    assert load(out / "run.json")["state"] == "complete"
    assert not (out / "state.safetensors").exists()


def test_the_command_line_goes_on_too(earlier_run, clip, mask, weights, capsys):
    out = earlier_run("stopped")
    arguments = (clip, "--mask", mask, "-o", out, "--weights", weights, *ON_CPU, "--no-overlay")
    assert run(vos_main, "segment", *arguments, "--resume") == 0
    assert np.array_equal(masks_of(out), old.predicted_masks())
    assert load(out / "run.json")["results"]["frames_computed"] == old.FRAMES - old.STOP
    assert run(vos_main, "segment", *arguments, "--resume") == 0
    assert "the run is complete already" in capsys.readouterr().out


def test_a_complete_run_is_left_alone(earlier_run, segment):
    out = earlier_run("complete")
    before = times_of(out)
    result = segment(out)
    assert (result.frames, result.computed, result.objects) == (old.FRAMES, 0, (1, 2))
    assert times_of(out) == before


@pytest.mark.parametrize("state", ["stopped", "complete"])
def test_other_settings_are_refused_as_before(earlier_run, segment, state):
    out = earlier_run(state)
    with pytest.raises(vos.InputError, match="topk"):
        segment(out, vos.PropagationConfig(short_side=0, topk=4))


def test_a_snapshot_is_read_and_continued_from(backbone, tmp_path):
    snapshot = load_snapshot(old.write_snapshot(tmp_path / "state.safetensors"))
    assert (snapshot.number, snapshot.frames) == (old.STOP - 1, tuple(range(old.STOP)))
    tracker = vos.LabelPropagator(backbone, CONFIG)
    tracker.restore(snapshot, {number: old.picture(number) for number in snapshot.frames})
    assert tracker.objects == (1, 2)
    masks = [tracker.step(old.picture(number)) for number in range(old.STOP, old.FRAMES)]
    assert np.array_equal(masks, old.predicted_masks()[old.STOP :])


# --- a feature cache


def mirrored_features():
    """One direction for each patch; after the first frame they stand in mirrored places."""
    rows, columns = old.GRID
    plain = torch.eye(old.DIM)[: rows * columns].T.reshape(old.DIM, rows, columns)
    return [plain, *[plain.flip(2)] * (old.FRAMES - 1)]


def test_a_feature_cache_is_used(clip, mask, weights, tmp_path):
    pictures = [old.picture(number) for number in range(old.FRAMES)]
    cache = old.write_cache(tmp_path / "cache", pictures, mirrored_features())
    assert [path.name for path in cache.iterdir()] == [old.CACHE_IDENTITY]
    before = times_of(cache)
    out = tmp_path / "out"
    options = ("--weights", weights, *ON_CPU, "--no-overlay", "--neighborhood-radius", "0")
    arguments = (clip, "--mask", mask, "-o", out, *options, "--feature-cache", cache)
    assert run(vos_main, "segment", *arguments) == 0
    assert times_of(cache) == before
    assert len(before) == old.FRAMES
    sides = old.true_mask(0)[4::8, 4::8].repeat(8, 0).repeat(8, 1)[:, ::-1]
    for ids in masks_of(out)[1:]:  # the network's own features follow the objects instead
        assert (ids == sides).mean() > 0.98


def test_kept_features_of_a_benchmark_are_used(weights, tmp_path, capsys):
    sets = [old_extraction.write_classes(tmp_path / name) for name in ("train", "test")]
    own = torch.eye(2, old.DIM).repeat_interleave(old_extraction.PER_CLASS, 0)
    for images, features in zip(sets, (own, own.flip(0)), strict=True):
        old_extraction.write_chunk(tmp_path / "cache", images, features)
    before = times_of(tmp_path / "cache")
    out = tmp_path / "out"
    folders = ("--train", sets[0], "--test", sets[1], "-o", out, "--cache", tmp_path / "cache")
    options = ("--weights", weights, "--size", old_extraction.SIDE, "--k", "1", "--workers", "0")
    assert run(bench_main, "knn", *folders, *options, *ON_CPU[:4]) == 0
    assert times_of(tmp_path / "cache") == before
    assert "images: 6/6" not in capsys.readouterr().err
    (accuracy,) = load(out / "results.json")["results"]["accuracy"]
    assert accuracy["top1"] == 0  # the test features are those of the other class


# --- a run of `vos-bench davis`


@pytest.fixture(scope="module")
def davis(tmp_path_factory):
    return old.write_davis(tmp_path_factory.mktemp("davis") / "DAVIS")


def go_on_with_davis(out, data, weights):
    folders = ("--data", data, "--out", out, "--weights", weights)
    assert run(bench_main, "davis", *folders, *ON_CPU, "--processes", "1") == 0
    results = load(out / "results.json")
    assert load(out / "run.json")["state"] == results["state"] == "complete"
    return results, {s["name"]: s["J-Mean"] for s in results["sequences"]}


def test_a_stopped_davis_run_keeps_whole_sequences(davis, weights, tmp_path, capsys):
    out = old.write_davis_run(tmp_path / "run", davis, weights, "stopped")
    before = times_of(out / "masks")
    results, scores = go_on_with_davis(out, davis, weights)
    assert before.items() <= times_of(out / "masks").items()
    assert "segment: 4/4 frames" in capsys.readouterr().err
    first = old.predicted_masks()[: old.SEQUENCES["crow"]]
    assert np.array_equal(masks_of(out, "crow"), first)
    assert scores["bear"] == 1  # its masks in the folder are the true ones
    assert 0.5 < scores["crow"] < 1
    assert results["speed"]["frames"] == sum(old.SEQUENCES.values())
    assert not (out / "unfinished").exists()


def test_a_complete_davis_run_is_scored_alone(davis, weights, tmp_path, capsys):
    out = old.write_davis_run(tmp_path / "run", davis, weights, "complete")
    before = times_of(out / "masks") | times_of(out / "sequences")
    _, scores = go_on_with_davis(out, davis, weights)
    assert times_of(out / "masks") | times_of(out / "sequences") == before
    assert "segment:" not in capsys.readouterr().err
    assert scores == {"bear": 1, "crow": 1}


# --- a pretraining run


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return old_training.write_photos(tmp_path_factory.mktemp("photos") / "photos")


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    """A pretraining run that nothing disturbed."""
    out = tmp_path_factory.mktemp("trained")
    train(photos, out)
    return out


def train(photos, out, *arguments):
    places = ("--data-path", photos, "--output-dir", out)
    assert run(pretrain_main, "train", *places, *old_training.OPTIONS, *arguments) == 0


def losses(out):
    lines = map(json.loads, (out / "log.jsonl").read_text().splitlines())
    return [(line["step"], line["loss"]) for line in lines if "loss" in line]


def assert_equal(one, two, where=""):
    """Compare nested values of tensors and numbers."""
    assert type(one) is type(two), where
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two), where
    elif isinstance(one, dict):
        assert one.keys() == two.keys(), where
        for key in one:
            assert_equal(one[key], two[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(two), where
        for number, pair in enumerate(zip(one, two, strict=True)):
            assert_equal(*pair, f"{where}[{number}]")
    else:
        assert one == two, where


def test_an_undisturbed_pretraining_has_the_losses_of_version_0_1(trained):
    steps, values = zip(*losses(trained), strict=True)
    assert steps == tuple(range(1, old_training.STEPS + 1))
    assert values == pytest.approx(old.recorded("training_checkpoint")["losses"], rel=1e-3)


def test_a_killed_pretraining_goes_on_to_the_same_end(photos, trained, tmp_path, capsys):
    out = old_training.write_training_run(tmp_path / "run", photos, trained)
    capsys.readouterr()
    train(photos, out, "--resume", "auto")
    printed = capsys.readouterr().err
    assert f"step-{old_training.STEP:08d}.pth at step {old_training.STEP}" in printed
    assert " was " not in printed  # no setting has changed
    assert losses(out) == losses(trained)
    ends = [torch.load(f / "checkpoint.pth", weights_only=False) for f in (out, trained)]
    for part in ("student", "teacher", "dino_loss", "optimizer", "epoch"):
        assert_equal(ends[0][part], ends[1][part], part)


def test_a_pretrained_backbone_of_version_0_1_is_read(photos, trained, tmp_path):
    out = old_training.write_training_run(tmp_path / "run", photos, trained)
    name = f"step-{old_training.STEP:08d}.pth"
    images = torch.linspace(-1, 1, 3 * 32 * 48).view(1, 3, 32, 48)
    features = []
    for folder in (out, trained):
        path = folder / "checkpoints" / name
        features.append(vos.load_backbone(weights=path, device="cpu", precision="fp32")(images))
    assert torch.equal(*features)
