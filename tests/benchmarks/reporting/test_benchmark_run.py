import json

import pytest

from benchmarks.reporting.benchmark_run import shown_name
from tests.data.images import bench, save_weights, write_classes
from vos.runtime.folder_lock import LOCK, locked_folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    root = tmp_path_factory.mktemp("classes")
    write_classes(root / "train", 4)
    write_classes(root / "test", 2, start=10)
    return root


def common(weights):
    return ["--weights", weights, "--precision", "fp32", "--size", 64, "--workers", 0]


def test_wrong_input_leaves_the_results_of_the_run_before(classes, weights, tmp_path, monkeypatch):
    arguments = ["--train", classes / "train", "--test", classes / "test", "-o", tmp_path]
    assert bench("knn", *arguments, *common(weights), "--k", 2) == 0
    names = ("run.json", "results.json", "table.md")
    before = [(tmp_path / name).read_bytes() for name in names]
    assert bench("knn", *arguments, *common(weights), "--k", 20) == 2
    assert [(tmp_path / name).read_bytes() for name in names] == before

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmarks.classification.knn_voting.vote", stop)
    assert bench("knn", *arguments, *common(weights), "--k", 3) == 130
    assert [(tmp_path / name).is_file() for name in names] == [True, False, False]
    assert json.loads((tmp_path / "run.json").read_text())["state"] == "stopped"


def test_two_runs_do_not_share_a_folder(classes, weights, tmp_path, capsys):
    arguments = ["--train", classes / "train", "--test", classes / "test", "-o", tmp_path]
    with locked_folder(tmp_path):
        assert bench("knn", *arguments, *common(weights), "--k", 2) == 2
        assert "in use by process" in capsys.readouterr().err
        assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_untrained_backbones_are_called_so():
    assert shown_name({"name": "a", "source": "untrained"}) == "a, untrained"
    assert shown_name({"name": "a", "source": "a.pth"}) == "a"
