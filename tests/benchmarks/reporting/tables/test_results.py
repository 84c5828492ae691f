"""Results of a run for programs, read from its folder."""

import json

import pytest

from benchmarks.reporting.tables.results import BenchmarkResults
from tests.data.davis_runs import write_run
from vos.errors import InputError


def test_results_are_those_of_the_folder(tmp_path):
    folder = write_run(tmp_path / "run", {"bear": [0.5, 0.7]})
    results = BenchmarkResults.read("davis", folder)
    assert results.to_dict() == json.loads((folder / "results.json").read_text())
    assert "60.0" in repr(results) and str(folder) in repr(results)
    assert results.to_csv().splitlines()[1].startswith("small,run,60.0000")


def test_a_run_without_scores_says_so(tmp_path):
    folder = write_run(tmp_path / "run", {"bear": [0.5]}, state="not scored")
    results = BenchmarkResults.read("davis", folder)
    assert "not scored" in repr(results)
    with pytest.raises(InputError, match="no figures"):
        results.to_csv()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"results\.json cannot be read"):
        BenchmarkResults.read("davis", tmp_path)
