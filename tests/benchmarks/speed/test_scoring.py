"""The timing of the scoring: same figures from all scorers, honest ratios."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.speed import scoring
from vos.errors import InputError


@pytest.fixture
def two_sequences(shared_data, tmp_path):
    """A DAVIS folder of two of the real sequences, one with void pixels."""
    real = shared_data / "davis-scoring/DAVIS"
    (tmp_path / "ImageSets/2017").mkdir(parents=True)
    (tmp_path / "ImageSets/2017/val.txt").write_text("car-shadow\nscooter-black\n")
    folder = tmp_path / "Annotations/480p"
    folder.mkdir(parents=True)
    for name in ("car-shadow", "scooter-black"):
        (folder / name).symlink_to(real / "Annotations/480p" / name)
    return tmp_path


def test_a_run_compares_all_scorers(shared_data, two_sequences, tmp_path, capsys):
    out = tmp_path / "speed.json"
    predictions = shared_data / "davis-scoring/semi-supervised"
    status = scoring.ScoringSpeed(predictions, two_sequences, rounds=1, out=out).run()
    assert status == 0
    report = json.loads(out.read_text())
    assert report["differences"] == []
    scorers = {"ours, 1", "ours, 2", "plain, 1"}
    if find_spec("vos_benchmark"):
        scorers |= {"vos-benchmark, 1", "vos-benchmark, 2"}
    assert set(report["median_seconds"]) == scorers
    assert report["times_as_fast"]["ours, 1 against plain, 1"] > 3
    assert report["machine"]["versions"]["numpy"] == np.__version__
    assert "all figures agree within 1e-09" in capsys.readouterr().out
    assert not (predictions / "results.csv").exists()


def test_a_difference_is_named_and_ends_with_1():
    figures = {"ours, 1": {"a_1": (0.5, 0.5), "b_1": (0.1, 0.2)}, "plain, 1": {"a_1": (0.5, 0.6)}}
    assert scoring.differences(figures) == [
        "plain, 1: without ['b_1']",
        "plain, 1: a_1 differs by 0.1",
    ]


def test_medians_and_ratios():
    times = {"ours, 1": [1, 2, 9], "ours, 2": [1], "plain, 1": [20], "vos-benchmark, 2": [4]}
    report = scoring.summary(times, 2)
    assert report["median_seconds"]["ours, 1"] == 2
    assert report["times_as_fast"] == {
        "ours, 1 against plain, 1": 10,
        "ours, 2 against ours, 1": 2,
        "ours, 2 against vos-benchmark, 2": 4,
    }


def test_at_least_one_round(tmp_path):
    with pytest.raises(InputError, match="0 rounds"):
        scoring.ScoringSpeed(tmp_path, tmp_path, rounds=0).run()
