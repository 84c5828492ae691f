import numpy as np
import pytest

from benchmarks.davis.comparison import compare, read_run
from tests.data.davis import bench
from tests.data.davis_runs import write_run


def test_differences_are_sorted_from_gain_to_loss(runs):
    comparison = compare(*map(read_run, runs))
    gains = comparison.differences["J&F-Mean"]
    assert list(gains) == ["crow_1", "bear_1", "deer_1", "bear_2"]
    assert list(gains.values()) == pytest.approx([0.3, 0.1, 0, -0.1])
    assert comparison.settings == [("propagation.topk", "5", "10")]
    low, high = comparison.intervals["J-Mean"]
    assert low <= np.mean(list(gains.values())) <= high


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
