import json

import cv2
import pytest
import torch

from benchmarks.reporting.benchmark_run import shown_name
from benchmarks.speed.accuracy_plot import accuracy_plot, read_accuracies
from benchmarks.speed.timing import time_backbone
from tests.data.images import bench, said
from vos.backbones.loading import load_backbone
from vos.errors import InputError
from vos.files import write_json

FAST = ["--seconds", 0.01, "--device", "cpu", "--precisions", "fp32"]


def finished(folder, benchmark, results, name="efficientnet_lite0"):
    write_json(folder / "results.json", {"benchmark": benchmark, "results": results})
    write_json(folder / "run.json", {"settings": {"weights": {"name": name}}})
    return folder


def test_every_combination_is_measured(tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--backbones", "efficientnet_lite0", "--sizes", 32, 64, "--batches", 1, 2]
    assert bench("throughput", *arguments, *FAST, "-o", out) == 0
    held = json.loads((out / "results.json").read_text())
    timings = held["results"]["timings"]
    assert [(t["size"], t["batch"]) for t in timings] == [(32, 1), (32, 2), (64, 1), (64, 2)]
    for t in timings:
        expected = 1000 * t["batch"] / t["milliseconds"]
        assert t["images_per_second"] == pytest.approx(expected)
        assert t["passes"] >= 5
        assert t["peak_mib"] is None or t["peak_mib"] > 50
        assert t["tokens"] == (t["size"] // 8) ** 2
    assert held["table"] == "Table 1"
    assert "efficientnet_lite0, 64 px, float32, batch 2" in capsys.readouterr().out
    assert not (out / "accuracy_speed.png").exists()


def test_plot_of_accuracy_against_speed(tmp_path):
    knn = finished(tmp_path / "knn", "knn", {"accuracy": [{"top1": 50}, {"top1": 61}]})
    linear = finished(tmp_path / "linear", "linear", {"top1": 72})
    assert read_accuracies([knn, linear]) == {
        "knn": {"efficientnet_lite0": 61},
        "linear": {"efficientnet_lite0": 72},
    }
    arguments = ["--backbones", "efficientnet_lite0", "--sizes", 32, "--batches", 1, *FAST]
    arguments += ["--accuracies", knn, linear, "-o", tmp_path / "out"]
    assert bench("throughput", *arguments) == 0
    assert cv2.imread(str(tmp_path / "out/accuracy_speed.png")).shape[1] == 1050


def test_plot_has_a_point_for_each_accuracy():
    accuracies = {"knn": {"a": 50.0, "unmeasured": 60.0}, "linear": {"a": 55.0}}
    axes = accuracy_plot({"a": 10.0}, accuracies).axes[0]
    points = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines}
    assert {(10.0, 50.0), (10.0, 55.0), (1007.0, 74.5), (63.0, 77.4)} <= points
    assert len(points) == 7  # five published


def test_out_of_memory_is_told(monkeypatch):
    backbone = load_backbone("efficientnet_lite0", untrained=True, device="cpu", precision="fp32")

    def full(_images):
        raise torch.OutOfMemoryError("full")

    monkeypatch.setattr(backbone, "forward", full)
    timing = time_backbone(backbone, size=32, precision="fp32", batch=1, seconds=0)
    assert timing.images_per_second is None
    assert timing.passes == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--batches", 0], "must be above 0"),
        (["--backbones", "nothing"], "nothing"),
        (["--backbones", "dino_vits16", "--sizes", 8], "smaller than a patch"),
        (["--device", "tpu"], "tpu"),
    ],
)
def test_wrong_input(tmp_path, capsys, arguments, told):
    assert bench("throughput", "-o", tmp_path, *FAST, *arguments) == 2
    assert told in said(capsys)


def test_folder_without_a_run(tmp_path):
    with pytest.raises(InputError, match="holds no finished knn or linear run"):
        read_accuracies([tmp_path])


def test_untrained_backbones_are_called_so():
    assert shown_name({"name": "a", "source": "untrained"}) == "a, untrained"
    assert shown_name({"name": "a", "source": "a.pth"}) == "a"
