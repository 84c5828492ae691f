import cv2
import pytest

from benchmarks.speed.accuracy_plot import accuracy_plot, read_accuracies
from tests.data.images import bench
from vos.errors import InputError
from vos.files import write_json

FAST = ["--seconds", 0.01, "--device", "cpu", "--precisions", "fp32"]


def finished(folder, benchmark, results, name="efficientnet_lite0"):
    write_json(folder / "results.json", {"benchmark": benchmark, "results": results})
    write_json(folder / "run.json", {"settings": {"weights": {"name": name}}})
    return folder


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


def test_folder_without_a_run(tmp_path):
    with pytest.raises(InputError, match="holds no finished knn or linear run"):
        read_accuracies([tmp_path])
