import json

import pytest

from benchmarks.cli.suite import Planned, read_plan
from tests.data.images import bench, said, save_weights, write_classes
from vos.errors import InputError
from vos.runtime.folder_lock import locked_folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("suite")
    write_classes(root / "train", 4)
    save_weights(root / "vit.pth")
    return root


@pytest.fixture
def config(place, tmp_path):
    held = {
        "common": {"weights": str(place / "vit.pth"), "precision": "fp32", "workers": 0},
        "runs": [
            {
                "verb": "knn",
                "name": "k-NN small",
                "train": str(place / "train"),
                "train_per_class": 2,
                "k": [1, 3],
                "size": 64,
            },
            {"verb": "retrieval", "root": str(place / "absent")},
        ],
    }
    (tmp_path / "runs.json").write_text(json.dumps(held))
    return tmp_path / "runs.json"


def test_options_become_arguments(tmp_path):
    options = {"train_per_class": 2, "k": [1, 3], "multi_scale": True, "check": False}
    assert Planned("a", "knn", options).arguments(tmp_path) == [
        "knn", "--out", str(tmp_path / "a"), "--train-per-class", "2", "--k", "1", "3",
        "--multi-scale", "--no-check",
    ]  # fmt: skip


def test_one_report_of_what_ran_and_what_failed(config, tmp_path, capsys):
    out = tmp_path / "out"
    assert bench("all", "--config", config, "-o", out) == 1
    told = capsys.readouterr()
    assert "no truth" in told.err
    assert "failed: retrieval" in told.err
    states = json.loads((out / "suite.json").read_text())["runs"]
    assert {name: s["state"] for name, s in states.items()} == {
        "k-NN small": "complete",
        "retrieval": "failed",
    }
    report = (out / "report.html").read_text()
    assert "1 of 2 runs complete" in report
    assert "6 training and 6 test images of 3 classes" in report
    assert "DINO ViT-S/16" in report
    assert "failed with status 2" in report


def test_complete_runs_are_not_run_again(config, tmp_path, capsys):
    out = tmp_path / "out"
    bench("all", "--config", config, "-o", out)
    before = (out / "k-NN small/run.json").stat().st_mtime_ns
    capsys.readouterr()
    assert bench("all", "--config", config, "-o", out) == 1
    assert capsys.readouterr().out.count("complete already") == 1
    assert (out / "k-NN small/run.json").stat().st_mtime_ns == before
    bench("all", "--config", config, "-o", out, "--again")
    assert (out / "k-NN small/run.json").stat().st_mtime_ns != before
    held = json.loads(config.read_text())
    held["runs"][0]["k"] = [2]
    config.write_text(json.dumps(held))
    assert bench("all", "--config", config, "-o", out) == 1
    results = json.loads((out / "k-NN small/results.json").read_text())["results"]
    assert [a["k"] for a in results["accuracy"]] == [2]


def test_all_complete_runs_are_kept(place, tmp_path, capsys):
    run = {"verb": "knn", "train": str(place / "train"), "train_per_class": 2, "k": 1}
    held = {
        "common": {"weights": str(place / "vit.pth"), "size": 32, "workers": 0},
        "runs": [{**run, "name": "a"}, {**run, "name": "b", "kind": "class_mean"}],
    }
    (tmp_path / "runs.json").write_text(json.dumps(held))
    for expected in (0, 2):
        given = ["--config", tmp_path / "runs.json", "-o", tmp_path / "out"]
        assert bench("all", *given) == 0
        assert capsys.readouterr().out.count("complete already") == expected
    report = (tmp_path / "out" / "report.html").read_text()
    assert "<h2>All runs</h2>" in report
    lines = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert [line for line in lines if line.startswith("| ") and "(a)" in line]
    assert [line for line in lines if line.startswith("| ") and "(b)" in line]


def test_two_suites_do_not_share_a_folder(config, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    with locked_folder(tmp_path / "out"):
        assert bench("all", "--config", config, "-o", tmp_path / "out") == 2
    assert "in use by process" in capsys.readouterr().err


def test_stop_ends_all(config, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.cli.suite.run_verbs", lambda *_: 130)
    assert bench("all", "--config", config, "-o", tmp_path / "out") == 130


def test_a_crash_is_one_runs_alone(config, tmp_path, monkeypatch, capsys):
    def crash(*_):
        raise RuntimeError("unforeseen")

    monkeypatch.setattr("benchmarks.cli.suite.run_verbs", crash)
    assert bench("all", "--config", config, "-o", tmp_path / "out") == 1
    assert capsys.readouterr().err.count("RuntimeError: unforeseen") == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "expected"),
        ('{"runs": []}', "expected"),
        ('{"runs": [{"verb": "nothing"}]}', "expected a verb of these: knn"),
        ('{"runs": [{"verb": "knn"}, {"verb": "knn"}]}', "'knn' is taken"),
        ('{"runs": [{"verb": "knn", "name": "../x"}]}', "no name of a folder"),
        ('{"runs": [{"verb": "knn", "out": "x"}]}', "leave out"),
        ('{"runs": [{"verb": "knn"}], "more": 1}', "'more' is not known"),
    ],
)
def test_wrong_files(tmp_path, text, told):
    (tmp_path / "runs.json").write_text(text)
    with pytest.raises(InputError) as caught:
        read_plan(tmp_path / "runs.json", ["knn"])
    assert told in str(caught.value)


def test_missing_file(tmp_path, capsys):
    assert bench("all", "--config", tmp_path / "absent.json", "-o", tmp_path) == 2
    assert "cannot be read" in said(capsys)
