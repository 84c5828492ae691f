import json

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


def write_points(folder, tracks):
    """Write what a run on points leaves; tracks are {video: PCK or None}."""
    folder.mkdir()
    known = [value for value in tracks.values() if value is not None]
    results = {
        "state": "complete", "dataset": "JHMDB", "set": "split 1 test", "rules": {},
        "metrics": ["PCK@0.1", "PCK@0.2"],
        "global": {"PCK@0.1": float(np.mean(known)), "PCK@0.2": None},
        "sequences": [
            {"name": name, "objects": [{"name": name, "PCK@0.1": value, "PCK@0.2": None}]}
            for name, value in tracks.items()
        ],
    }  # fmt: skip
    settings = {"dataset": {"name": "JHMDB"}, "points": {"sigma": 0.5}}
    (folder / "run.json").write_text(json.dumps({"settings": settings}))
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def test_an_interval_stands_only_beside_the_mean_that_it_is_of(tmp_path, capsys):
    """The figure over all may be another one than the mean over videos, of another sign even."""
    runs = [
        write_points(tmp_path / "a", {"wave": 0.5, "run": 0.25, "sit": 0.3}),
        write_points(tmp_path / "b", {"wave": 0.6, "run": 0.30, "sit": 0.4}),
    ]
    assert bench("compare", *runs) == 0
    assert "+0.083 [+0.050, +0.100]" in capsys.readouterr().out
    for run, value in zip(runs, (0.4, 0.35), strict=True):
        results = json.loads((run / "results.json").read_text())
        results["global"]["PCK@0.1"] = value
        (run / "results.json").write_text(json.dumps(results))
    assert bench("compare", *runs) == 0
    (line,) = (x for x in capsys.readouterr().out.splitlines() if x.startswith("PCK@0.1  "))
    assert "-0.050" in line and "[" not in line


def test_runs_without_scores_of_videos_are_refused(tmp_path, capsys):
    run = write_points(tmp_path / "a", {"wave": 0.5})
    results = json.loads((run / "results.json").read_text())
    del results["sequences"]
    (run / "results.json").write_text(json.dumps(results))
    assert bench("compare", run, run) == 2
    assert "a run without scores of single videos" in capsys.readouterr().err


def test_runs_on_points_are_compared_by_video(tmp_path, capsys):
    first = write_points(tmp_path / "a", {"wave": 0.5, "run": 0.25, "sit": None})
    second = write_points(tmp_path / "b", {"wave": 0.75, "run": 0.25, "sit": 0.5})
    assert bench("compare", first, second, "--out", tmp_path / "page.html") == 0
    printed = capsys.readouterr().out
    assert "PCK@0.1 by video" in printed and "wave      0.500   0.750  +0.250" in printed
    assert "sit" not in printed  # one of them has nothing to score there
    assert "By video" in (tmp_path / "page.html").read_text()
