"""The sweep: its grid, its table, features computed once."""

import csv
import json

import pytest

from benchmarks.davis.sweep_run import first_frames
from tests.data.davis import LENGTHS, OPTIONS, bench, make_davis
from vos.datasets.loading import load_dataset


def sweep(data, out, *arguments):
    return bench("sweep", "--data", data, "--out", out, "--processes", "1", *OPTIONS, *arguments)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_davis(tmp_path_factory.mktemp("data") / "DAVIS")


def rows(out):
    with (out / "sweep.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_sweep_computes_features_once_and_ranks_the_points(data, tmp_path, capsys):
    out = tmp_path / "sweep"
    grid = ("--grid", "topk=1,5", "n_last_frames=0,3")
    assert sweep(data, out, *grid) == 0
    table = rows(out)
    assert len(table) == 4
    scores = [float(row["J&F-Mean"]) for row in table]
    assert scores == sorted(scores, reverse=True)
    assert list(table[0])[:2] == ["topk", "n_last_frames"]
    about = json.loads((out / "sweep.json").read_text())
    frames = sum(LENGTHS.values())
    assert about["features"] == {"computed": frames, "from_cache": 3 * frames}
    assert about["backbone"]["stored_precision"] == "bf16"
    assert about["points"] == len(about["rows"]) == 4
    assert len(list((out / "features").rglob("*.safetensors"))) == frames
    for row in about["rows"]:
        folder = out / f"topk={row['topk']},n_last_frames={row['n_last_frames']}"
        own = json.loads((folder / "results.json").read_text())
        assert own["global"]["J&F-Mean"] == row["J&F-Mean"]
    assert "wrote" in capsys.readouterr().out


def test_a_sweep_goes_on_with_a_cache_of_its_own(data, tmp_path):
    out, cache = tmp_path / "sweep", tmp_path / "cache"
    rest = ("--feature-cache", cache, "--sequences", "deer")
    assert sweep(data, out, *rest, "--grid", "topk=5") == 0
    before = {p: p.stat().st_mtime_ns for p in out.rglob("masks/*/*.png")}
    assert len(before) == LENGTHS["deer"]
    assert sweep(data, out, *rest, "--grid", "topk=5,6") == 0
    assert {p: p.stat().st_mtime_ns for p in before} == before
    about = json.loads((out / "sweep.json").read_text())
    assert about["features"] == {"computed": 0, "from_cache": LENGTHS["deer"]}
    assert {row["topk"] for row in rows(out)} == {"5", "6"}
    assert not (out / "features").exists()


def test_first_frames_shorten_sequences(data, tmp_path, capsys):
    sequence = load_dataset(data).sequences[0]
    short = first_frames(sequence, 4)
    assert short.frame_names == tuple(short.annotations) == sequence.frame_names[:4]
    out = tmp_path / "sweep"
    assert sweep(data, out, "--grid", "topk=5", "--first-frames", "4") == 0
    assert len(list(out.rglob("masks/*/*.png"))) == 4 * len(LENGTHS)
    assert sweep(data, tmp_path / "x", "--grid", "topk=5", "--first-frames", "2") == 2
    assert "first_frames is 2" in capsys.readouterr().err


def test_choosing_on_val_is_warned_of(data, tmp_path, capsys):
    arguments = ("--grid", "topk=5", "--sequences", "deer", "--set", "val")
    assert sweep(data, tmp_path / "sweep", *arguments) == 0
    assert "choose on train" in capsys.readouterr().err


def test_a_failing_sequence_ends_the_sweep(tmp_path, capsys):
    data = make_davis(tmp_path / "DAVIS", {"deer": 4})
    (data / "JPEGImages" / "480p" / "deer" / "00002.png").write_bytes(b"no image")
    assert sweep(data, tmp_path / "sweep", "--grid", "topk=5,6") == 1
    assert "stopped: sequences failed (deer)" in capsys.readouterr().err
    assert not (tmp_path / "sweep" / "sweep.csv").exists()


def test_advice_names_no_option_that_the_verb_lacks(data, tmp_path, capsys):
    out = tmp_path / "out"
    assert sweep(data, out, "--grid", "topk=2", "--first-frames", 3) == 0
    assert sweep(data, out, "--grid", "topk=2", "--first-frames", 4) == 2
    printed = capsys.readouterr().err
    assert "the same settings, or remove it" in printed
    assert "--overwrite" not in printed
