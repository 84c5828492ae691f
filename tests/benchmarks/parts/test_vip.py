import numpy as np
import pytest

from tests.data.davis import bench
from tests.data.point_runs import assert_same_scores, load
from tests.data.point_sets import make_vip
from vos.masks.io import read_index_png
from vos.runtime.folder_lock import locked_folder

OPTIONS = ("--backbone", "efficientnet_lite0", "--device", "cpu", "--precision", "fp32",
           "--long-side", "448")  # fmt: skip


def vip(data, out, *arguments):
    return bench("vip", "--data", data, "-o", out, *OPTIONS, *arguments)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("vip")
    data = make_vip(root / "VIP_Fine", frames=3)
    assert vip(data, root / "run") == 0
    return data, root / "run"


def test_a_run_leaves_results_a_table_and_a_report(run):
    _, out = run
    results = load(out / "results.json")
    assert results["state"] == load(out / "run.json")["state"] == "complete"
    assert results["global"]["mIoU"] > 0.9
    assert results["results"]["iou"]["hair"] > 0.9 and results["results"]["iou"]["hat"] is None
    assert np.sum(results["results"]["confusion"]) == 2 * 3 * 240 * 320
    assert "CropMAE" in (out / "table.md").read_text()
    assert (out / "report.html").read_text().count("data:image/jpeg;base64,") == 6
    settings = load(out / "run.json")["settings"]["propagation"]
    assert (settings["topk"], settings["prompt_output"]) == (10, "labels")


def test_the_first_frame_too_is_what_its_labels_give(run):
    data, out = run
    given = read_index_png(data / "Annotations/Category_ids/videos3/00000.png")
    predicted = read_index_png(out / "masks/videos3/00000.png")
    assert predicted.shape == given.shape
    assert 0 < (predicted != given).mean() < 0.1


def test_a_stopped_run_goes_on_to_the_same_scores(run, tmp_path, monkeypatch):
    data, whole = run
    from benchmarks.parts import vip_run

    write = vip_run.write_part_masks

    def stopped(video, *rest):
        if video.name == "videos12":
            raise KeyboardInterrupt
        return write(video, *rest)

    monkeypatch.setattr(vip_run, "write_part_masks", stopped)
    assert vip(data, tmp_path / "run") == 130
    assert load(tmp_path / "run/run.json")["state"] == "stopped"
    monkeypatch.undo()
    assert vip(data, tmp_path / "run") == 0
    assert_same_scores(tmp_path / "run", whole)
    assert bench("compare", tmp_path / "run", whole) == 0


def test_missing_data_and_a_failing_video(tmp_path, capsys):
    assert vip(tmp_path / "nowhere", tmp_path / "run") == 2
    assert "Give the folder VIP_Fine" in capsys.readouterr().err
    data = make_vip(tmp_path / "VIP_Fine", frames=2)
    (data / "Images/videos3/00001.png").write_bytes(b"no image")
    assert vip(data, tmp_path / "run") == 1
    assert "failed: videos3: " in capsys.readouterr().err
    assert load(tmp_path / "run/results.json")["state"] == "failed"


def test_two_runs_do_not_share_a_folder(run, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    with locked_folder(tmp_path / "run"):
        assert vip(run[0], tmp_path / "run") == 2
    assert "in use by process" in capsys.readouterr().err
