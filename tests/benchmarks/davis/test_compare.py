"""Two runs side by side: differences, the interval, the page, wrong input."""

import json

import numpy as np
import pytest

from benchmarks.davis.bootstrap import paired_interval
from benchmarks.davis.comparison import compare, read_run
from tests.data.davis import bench

RULES = {"task": "semi-supervised"}


def write_run(folder, scores, topk=5, **changed):
    """Write what `vos-bench davis` leaves; scores are {sequence: [J of each object]}."""
    folder.mkdir()
    settings = {
        "dataset": {"name": "DAVIS 2017", "set": "val", "resolution": "480p"},
        "backbone": {"name": "small"},
        "propagation": {"topk": topk},
    }
    sequences = [
        {
            "name": name,
            "objects": [
                {"name": f"{name}_{i}", "J&F-Mean": j + 0.1, "J-Mean": j, "F-Mean": j + 0.2}
                for i, j in enumerate(values, start=1)
            ],
        }
        for name, values in scores.items()
    ]
    mean = float(np.mean([j for values in scores.values() for j in values]))
    names = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
    results = {
        "state": "complete",
        "dataset": "DAVIS 2017",
        "set": "val",
        "rules": RULES,
        "global": dict.fromkeys(names, mean),
        "sequences": sequences,
        **changed,
    }
    (folder / "run.json").write_text(json.dumps({"settings": settings}))
    (folder / "results.json").write_text(json.dumps(results))
    return folder


@pytest.fixture
def runs(tmp_path):
    first = write_run(tmp_path / "a", {"bear": [0.5, 0.6], "crow": [0.4], "deer": [0.7]})
    second = write_run(tmp_path / "b", {"bear": [0.6, 0.5], "crow": [0.7], "deer": [0.7]}, 10)
    return first, second


def test_differences_are_sorted_from_gain_to_loss(runs):
    comparison = compare(*map(read_run, runs))
    gains = comparison.differences["J&F-Mean"]
    assert list(gains) == ["crow_1", "bear_1", "deer_1", "bear_2"]
    assert list(gains.values()) == pytest.approx([0.3, 0.1, 0, -0.1])
    assert comparison.settings == [("propagation.topk", "5", "10")]
    low, high = comparison.intervals["J-Mean"]
    assert low <= np.mean(list(gains.values())) <= high


def test_the_comparison_is_printed_and_written(runs, tmp_path, capsys):
    assert bench("compare", *runs, "--out", tmp_path / "page.html") == 0
    printed = capsys.readouterr().out
    assert "propagation.topk: 5 -> 10" in printed
    assert "crow_1     0.500   0.800  +0.300" in printed
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 1
    assert 'src="http' not in page
    assert "propagation.topk" in page


def test_without_out_nothing_is_written(runs, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    assert bench("compare", *runs) == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_equal_runs_differ_in_nothing(runs, tmp_path, capsys):
    assert bench("compare", runs[0], runs[0], "--out", tmp_path / "page.html") == 0
    assert "+0.000 [+0.000, +0.000]" in capsys.readouterr().out
    assert "Nothing." in (tmp_path / "page.html").read_text()


def test_one_sequence_has_no_interval(tmp_path, capsys):
    runs = [write_run(tmp_path / name, {"bear": [j]}) for name, j in (("a", 0.4), ("b", 0.5))]
    assert bench("compare", *runs) == 0
    assert "[" not in capsys.readouterr().out


def test_runs_that_cannot_be_compared_are_refused(runs, tmp_path, capsys):
    fewer = write_run(tmp_path / "c", {"bear": [0.5, 0.6], "crow": [0.4]})
    assert bench("compare", runs[0], fewer) == 2
    assert "in one of them alone: deer_1" in capsys.readouterr().err
    train = write_run(tmp_path / "d", {"bear": [0.5]}, set="train")
    assert bench("compare", runs[0], train) == 2
    assert "not of the same data or rules" in capsys.readouterr().err
    failed = write_run(tmp_path / "e", {"bear": [0.5]}, state="failed", failed={"deer": "cut"})
    assert bench("compare", runs[0], failed) == 2
    assert "sequences failed in this run (deer)" in capsys.readouterr().err
    assert bench("compare", runs[0], tmp_path / "nowhere") == 2
    assert "no finished run" in capsys.readouterr().err
    (fewer / "results.json").write_text("[")
    assert bench("compare", runs[0], fewer) == 2
    assert "cannot be read as a run" in capsys.readouterr().err


def test_the_interval_of_equal_differences_is_that_difference():
    assert paired_interval([[0.2], [0.2, 0.2], [0.2]]) == pytest.approx((0.2, 0.2))


def test_the_interval_is_that_of_the_normal_law_for_many_sequences():
    draws = np.random.default_rng(1).normal(0.1, 0.5, 400)
    low, high = paired_interval([[d] for d in draws])
    half = 1.96 * draws.std() / np.sqrt(400)
    assert low == pytest.approx(draws.mean() - half, abs=0.005)
    assert high == pytest.approx(draws.mean() + half, abs=0.005)
    assert (low, high) == paired_interval([[d] for d in draws])


def test_objects_of_a_sequence_are_drawn_together():
    """Ten equal objects in one sequence are worth no more than one."""
    alone = paired_interval([[1.0], [0.0]])
    together = paired_interval([[1.0] * 10, [0.0] * 10])
    assert alone == together == (0.0, 1.0)


def test_a_higher_level_is_a_wider_interval():
    draws = [[d] for d in np.random.default_rng(2).normal(size=20)]
    narrow, wide = (paired_interval(draws, level=level) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert paired_interval([[0.1]]) is None


def test_the_davis_verb_compares_too(runs, tmp_path, capsys):
    assert bench("compare", *runs) == 0
    alone = capsys.readouterr().out
    page = tmp_path / "beside.html"
    assert bench("davis", "--compare", *runs, "--out", page) == 0
    assert capsys.readouterr().out == f"{alone}wrote {page}\n"
    assert page.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("beside", [("--data", "DAVIS"), ("--overwrite",)])
def test_comparing_takes_no_options_of_a_run(runs, beside, capsys):
    assert bench("davis", "--compare", *runs, *beside) == 2
    assert "--compare A B sets finished runs side by side" in capsys.readouterr().err


def test_a_davis_run_needs_data_and_out(tmp_path, capsys):
    assert bench("davis", "--data", tmp_path) == 2
    assert "give --data DAVIS and --out FOLDER" in capsys.readouterr().err
