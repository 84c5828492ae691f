import json
import shutil

import pytest

from tests.data.davis import bench, make_davis

OPTIONS = ("--backbone", "efficientnet_lite0", "--device", "cpu", "--precision", "fp32")


def clicks(data, out, *arguments):
    return bench(
        "clicks", "--data", data, "-o", out, "--most", 4, "--every", 3, *OPTIONS, *arguments
    )


def load(path):
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("clicks")
    data = make_davis(root / "DAVIS", {"bear": 4, "crow": 3})
    assert clicks(data, root / "run") == 0
    return data, root / "run"


def without_seconds(results):
    methods = results["methods"].values()
    return [{k: v for k, v in m.items() if "seconds" not in k} for m in methods]


def test_a_run_leaves_figures_of_all_methods_and_a_report(run):
    _, out = run
    results = load(out / "results.json")
    assert results["state"] == load(out / "run.json")["state"] == "complete"
    assert results["rules"]["every"] == 3 and results["rules"]["marks"] == [0.85, 0.9]
    own, cut, walk = results["methods"].values()
    assert own["objects"] == cut["objects"] == walk["objects"] == 2 * (2 + 1)
    assert own["clicks_to_0.85"] <= 3 and len(own["mean_overlaps"]) == 4
    assert [row["name"] for row in results["rows"]] == list(results["methods"])
    assert list(results["by_sequence"]) == ["bear", "crow"]
    assert "RITM" in (out / "table.md").read_text()
    page = (out / "report.html").read_text()
    assert "random walker on colours" in page and "mean IoU of each method" in page


def test_a_stopped_run_goes_on_to_the_same_figures(run, tmp_path, monkeypatch):
    data, whole = run
    from benchmarks.clicks.clicks_run import ClicksRun

    measure = ClicksRun._measure
    measured = []

    def stopped(self, sequence, on_frame):
        if sequence.name == "crow" and not measured.count("crow"):
            measured.append("crow")
            raise KeyboardInterrupt
        measured.append(sequence.name)
        return measure(self, sequence, on_frame)

    monkeypatch.setattr(ClicksRun, "_measure", stopped)
    assert clicks(data, tmp_path / "run") == 130
    assert load(tmp_path / "run/run.json")["state"] == "stopped"
    assert not (tmp_path / "run/results.json").exists()
    assert clicks(data, tmp_path / "run") == 0
    assert measured == ["bear", "crow", "crow"]
    same = [without_seconds(load(out / "results.json")) for out in (whole, tmp_path / "run")]
    assert same[0] == same[1]


def test_figures_of_the_random_walkers_own_beta_are_not_mixed_with_others(run, tmp_path, capsys):
    data, out = run
    copy = tmp_path / "run"
    shutil.copytree(out, copy)
    record = load(copy / "run.json")
    del record["settings"]["baselines"]  # as runs before it was chosen
    (copy / "run.json").write_text(json.dumps(record))
    assert clicks(data, copy) == 2
    assert "baselines.beta: 130.0 before, 1300.0 now" in capsys.readouterr().err


def test_other_settings_are_refused(run, capsys):
    data, out = run
    assert clicks(data, out, "--no-baselines") == 2
    assert "baseline_short_side: 240 before, None now" in capsys.readouterr().err


def test_without_baselines_the_own_method_is_alone(run, tmp_path):
    data, _ = run
    assert clicks(data, tmp_path / "run", "--no-baselines", "--sequences", "crow") == 0
    assert list(load(tmp_path / "run/results.json")["methods"]) == ["efficientnet_lite0"]


@pytest.mark.parametrize("option", ["--every", "--most"])
def test_numbers_out_of_range_are_refused(run, tmp_path, option, capsys):
    data, _ = run
    assert clicks(data, tmp_path / "run", option, 0) == 2
    assert "expected at least 1" in capsys.readouterr().err


def test_figures_that_no_record_explains_are_not_taken(run, tmp_path, capsys):
    data, _ = run
    (tmp_path / "run/sequences").mkdir(parents=True)
    assert clicks(data, tmp_path / "run") == 2
    assert "--overwrite" in capsys.readouterr().err
