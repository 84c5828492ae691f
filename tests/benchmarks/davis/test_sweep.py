"""The sweep: its grid, its table, features computed once."""

import csv
import json

import pytest

from benchmarks.davis.grid import label, parse_grid, table_lines
from benchmarks.davis.sweep_run import first_frames
from tests.data.davis import LENGTHS, OPTIONS, bench, make_davis
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.propagation.config import PropagationConfig


def sweep(data, out, *arguments):
    return bench("sweep", "--data", data, "--out", out, "--processes", "1", *OPTIONS, *arguments)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_davis(tmp_path_factory.mktemp("data") / "DAVIS")


def rows(out):
    with (out / "sweep.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_all_combinations_the_last_name_fastest():
    assert parse_grid(["topk=5,10", "temperature=0.05,0.1"]) == [
        {"topk": 5, "temperature": 0.05},
        {"topk": 5, "temperature": 0.1},
        {"topk": 10, "temperature": 0.05},
        {"topk": 10, "temperature": 0.1},
    ]


def test_values_are_of_their_fields_kinds():
    (point,) = parse_grid(
        ["neighborhood-shape=circle", "stretch_channels=False", "upsampling=nearest"]
    )
    assert point == {
        "neighborhood_shape": "circle", "stretch_channels": False, "upsampling": "nearest",
    }  # fmt: skip
    assert PropagationConfig(**point).neighborhood_shape == "circle"
    assert parse_grid(["topk=5,5"]) == [{"topk": 5}]
    assert label({"topk": 5, "temperature": 0.1}) == "topk=5,temperature=0.1"


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ([], "no grid"),
        (["k=5"], "with a NAME of n_last_frames"),
        (["topk"], "expected NAME=VALUE"),
        (["topk=5.5"], "expected a whole number"),
        (["temperature=warm"], "expected a number"),
        (["neighborhood_shape=star"], "expected one of square, circle"),
        (["stretch_channels=maybe"], "expected one of true, false"),
        (["topk=5", "topk=6"], "given twice"),
        (["topk=0"], "topk is 0"),
    ],
)
def test_wrong_grids_are_said(grid, message):
    with pytest.raises(InputError, match=message):
        parse_grid(grid)


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


def test_long_tables_are_cut():
    lines = table_lines([{"topk": 5, "J": 0.51234}] * 3, limit=2)
    assert lines == ["topk       J", "   5  0.5123", "   5  0.5123", "and 1 more"]
