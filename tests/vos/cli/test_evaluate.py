"""`vos evaluate` as it is typed: exit status, what is printed, what is written."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.masks.io import write_mask


def vos(*arguments):
    return run_verbs("vos", "Test.", VERBS, ["evaluate", *map(str, arguments)])


@pytest.fixture
def folders(tmp_path):
    for t in range(5):
        for kind in ("truth", "found"):
            array = np.zeros((30, 40), np.uint8)
            array[5:15, 5:15] = 2
            path = tmp_path / kind / "clip" / f"{t:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_mask(path, array)
    return tmp_path / "found", tmp_path / "truth"


def listing(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_two_folders_print_the_scores_and_write_nothing(folders, capsys):
    before = listing(folders[0].parent)
    assert vos(*folders) == 0
    printed = capsys.readouterr().out
    assert "clip_2    1.000  1.000  1.000" in printed
    assert "J&F-Mean  J-Mean  J-Recall  J-Decay  F-Mean  F-Recall  F-Decay" in printed
    assert listing(folders[0].parent) == before


def test_reports_go_to_out_alone(folders, tmp_path, capsys):
    before = listing(tmp_path)
    assert vos(*folders, "--out", tmp_path / "scores") == 0
    names = [
        "global_results-all.csv",
        "per-frame.csv",
        "per-sequence_results-all.csv",
        "results.json",
    ]
    assert listing(tmp_path / "scores") == names
    assert set(listing(tmp_path)) - set(before) == {"scores", *(f"scores/{n}" for n in names)}
    assert "wrote" in capsys.readouterr().out


def test_results_of_an_earlier_run_are_replaced(folders, tmp_path):
    out = tmp_path / "scores"
    assert vos(*folders, "--out", out) == 0
    for t in range(5):
        write_mask(folders[0] / "clip" / f"{t:05d}.png", np.zeros((30, 40), np.uint8))
    assert vos(*folders, "--out", out) == 0
    assert json.loads((out / "results.json").read_text())["global"]["J&F-Mean"] == 0.0
    assert (out / "global_results-all.csv").read_text().splitlines()[1].startswith("0.000,0.000")


def test_missing_frames_exit_2_and_may_count_as_empty(folders, capsys):
    (folders[0] / "clip/00002.png").unlink()
    assert vos(*folders) == 2
    assert "clip: 1 (00002)" in capsys.readouterr().err
    assert vos(*folders, "--missing", "empty") == 0
    assert "note: clip: 1 missing frames counted as empty" in capsys.readouterr().out


def test_extra_ids_exit_2_and_may_be_ignored(folders, capsys):
    array = np.zeros((30, 40), np.uint8)
    array[5:15, 5:15], array[20:25] = 2, 6
    write_mask(folders[0] / "clip/00002.png", array)
    assert vos(*folders) == 2
    assert "frame 00002: ids 6" in capsys.readouterr().err
    assert vos(*folders, "--extra-objects", "ignore") == 0
    assert "note: clip: predicted ids [6] taken as background" in capsys.readouterr().out


def test_late_objects_are_noted(folders, capsys):
    array = np.zeros((30, 40), np.uint8)
    array[5:15, 5:15], array[20:25] = 2, 6
    write_mask(folders[1] / "clip/00003.png", array)
    assert vos(*folders) == 0
    assert "note: clip: objects [6] have no frame that counts" in capsys.readouterr().out


def test_the_ends_may_count(folders, tmp_path):
    write_mask(folders[0] / "clip/00000.png", np.zeros((30, 40), np.uint8))
    assert vos(*folders, "--first-last", "keep", "--out", tmp_path / "o", "--processes", "1") == 0
    assert json.loads((tmp_path / "o/results.json").read_text())["global"]["J-Mean"] == 0.8


def test_unknown_sequences_and_folders_exit_2(folders, capsys):
    assert vos(*folders, "--sequences", "lion") == 2
    assert "no sequences lion; there are clip" in capsys.readouterr().err
    assert vos(folders[0], "nowhere") == 2
    assert "nowhere: no such folder" in capsys.readouterr().err


def test_an_output_that_cannot_be_is_named_before_scoring(folders, tmp_path, capsys):
    (tmp_path / "taken").write_text("x")
    for out, told in (("taken", "is a file"), ("taken/scores", "cannot be made")):
        assert vos(*folders, "--out", tmp_path / out) == 2
        printed = capsys.readouterr()
        assert told in printed.err
        assert "scoring" not in printed.err
        assert "1.000" not in printed.out
    (folders[0] / "clip/00002.png").unlink()
    assert vos(*folders, "--out", tmp_path / "scores") == 2
    assert not (tmp_path / "scores").exists()


def test_a_cross_check_without_the_official_code_is_refused_before_scoring(
    folders, monkeypatch, capsys
):
    root = folders[1].parent / "davis"
    (root / "ImageSets/2017").mkdir(parents=True)
    (root / "ImageSets/2017/val.txt").write_text("clip\n")
    (root / "Annotations").mkdir()
    folders[1].rename(root / "Annotations/480p")
    monkeypatch.setitem(sys.modules, "davis2017.evaluation", None)
    assert vos(folders[0], root, "--cross-check") == 2
    printed = capsys.readouterr()
    assert "pip install 'vos-toolkit[davis]'" in printed.err
    assert "scoring" not in printed.err
    assert not printed.out


def test_a_cross_check_of_other_data_is_refused_before_scoring(folders, capsys):
    assert vos(*folders, "--cross-check") == 2
    printed = capsys.readouterr()
    assert "compares scores on DAVIS 2017" in printed.err
    assert "scoring" not in printed.err


def test_the_cross_check_decides_the_exit_status(folders, monkeypatch, capsys):
    monkeypatch.setattr("vos.evaluation.cross_check.check_possible", lambda *_: None)
    monkeypatch.setattr(
        "vos.evaluation.cross_check.cross_check", lambda *_: ["clip_2: J mean 1, there 2"]
    )
    assert vos(*folders, "--cross-check") == 1
    assert "cross-check: clip_2: J mean 1, there 2" in capsys.readouterr().err
    monkeypatch.setattr("vos.evaluation.cross_check.cross_check", lambda *_: [])
    assert vos(*folders, "--cross-check") == 0
    assert "gives the same figures" in capsys.readouterr().out


def test_it_does_not_load_torch(folders):
    # Torch takes seconds to load, and a process that has it cannot be forked.
    code = (
        "import sys; from vos.cli import VERBS; from vos.cli.verbs import run_verbs\n"
        f"status = run_verbs('vos', '', VERBS, ['evaluate', *{[str(f) for f in folders]!r}])\n"
        "sys.exit(status or 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "clip_2    1.000" in done.stdout


def copy_of(folder, name, shift=0):
    other = folder.parent / name
    shutil.copytree(folder, other)
    for path in other.rglob("*.png") if shift else ():
        array = np.zeros((30, 40), np.uint8)
        array[5 + shift : 15 + shift, 5:15] = 2
        write_mask(path, array)
    return other


def test_several_predictions_are_one_table(folders, tmp_path, capsys):
    found, truth = folders
    worse = copy_of(found, "worse", shift=5)
    assert vos(found, worse, truth, "-o", tmp_path / "scores") == 0
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    rows = lines[lines.index(next(x for x in lines if x.startswith("Predictions"))) + 1 :]
    assert rows[0].split()[:3] == ["found", "1.000", "1.000"]
    assert rows[1].split()[0] == "worse"
    assert rows[1].split()[2] == "0.333"  # 50 of 150 pixels
    table = (tmp_path / "scores/scores.csv").read_text().splitlines()
    assert table[0].startswith("Predictions,J&F-Mean,J-Mean")
    assert [row.split(",")[0] for row in table[1:]] == ["found", "worse"]
    results = json.loads((tmp_path / "scores/worse/results.json").read_text())
    assert results["global"]["J-Mean"] == pytest.approx(1 / 3)


def test_folders_of_one_name_are_told_apart(folders, tmp_path, capsys):
    found, truth = folders
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        shutil.copytree(found, tmp_path / run / "masks")
    assert vos(tmp_path / "a/masks", tmp_path / "b/masks", truth) == 0
    printed = capsys.readouterr().out
    assert "a_masks  " in printed
    assert "b_masks  " in printed


def test_folders_whose_joined_names_are_the_same_are_told_apart(folders, tmp_path):
    found, truth = folders
    given = [tmp_path / "x/a_b", tmp_path / "x_a/b", tmp_path / "y/b"]
    for folder in given:
        shutil.copytree(found, folder)
    assert vos(*given, truth, "-o", tmp_path / "scores") == 0
    names = [row.split(",")[0] for row in (tmp_path / "scores/scores.csv").read_text().split()[1:]]
    assert names == ["1_x_a_b", "2_x_a_b", "y_b"]
    assert all((tmp_path / "scores" / name / "results.json").is_file() for name in names)


def test_wrong_folders_are_refused_before_scoring(folders, capsys):
    found, truth = folders
    assert vos(found, found.parent / "nowhere", truth) == 2
    captured = capsys.readouterr()
    assert "nowhere: no such folder of predicted masks" in captured.err
    assert captured.out == ""
    assert vos(found, found, truth) == 2
    assert "is given twice" in capsys.readouterr().err
    assert vos(found) == 2
    assert "give a folder of predicted masks" in capsys.readouterr().err
