"""Sets whose truth is withheld: masks and a file for the server, no scores."""

import json
import shutil
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from benchmarks.davis.comparison import read_run
from tests.data.davis import bench, davis, ids_at, write_sequence
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.masks.io import read_index_png, write_mask

LENGTH = 6


def withheld(root, meta, late=()):
    """Write two videos with their first masks; object 2 of those in `late` comes at frame 3."""
    videos = {}
    for seed, name in enumerate(("ape", "bee")):
        images, masks = (root / "valid" / kind / name for kind in ("JPEGImages", "Annotations"))
        write_sequence(images, masks, LENGTH, seed)
        starts = {1: 0, 2: 3 if name in late else 0}
        for path in masks.iterdir():
            new = [n for n, start in starts.items() if start == int(path.stem)]
            if not new:
                path.unlink()
            else:
                ids = ids_at(int(path.stem), (1, 2))
                write_mask(path, np.where(np.isin(ids, new), ids, 0).astype(np.uint8))
        videos[name] = {
            "objects": {
                str(n): {"category": "x", "frames": [f"{t:05d}" for t in range(start, LENGTH)]}
                for n, start in starts.items()
            }
        }
    if meta:
        (root / "valid/meta.json").write_text(json.dumps({"videos": videos}))
    return root


@pytest.mark.parametrize(("meta", "prefix"), [(True, "Annotations/"), (False, "")])
def test_masks_are_made_and_packed_and_nothing_is_scored(tmp_path, capsys, meta, prefix):
    data, out = withheld(tmp_path / "data", meta, late=("bee",)), tmp_path / "run"
    packed = tmp_path / "s.zip"
    assert davis(data, out, "--set", "valid", "--submission", packed) == 0
    printed = capsys.readouterr().out
    assert "withheld" in printed
    assert "0.000" not in printed
    assert json.loads((out / "run.json").read_text())["state"] == "complete"
    assert json.loads((out / "results.json").read_text())["state"] == "not scored"
    assert not list(out.glob("*.csv"))
    with ZipFile(packed) as archive:
        names = {f"{prefix}{v}/{t:05d}.png" for v in ("ape", "bee") for t in range(LENGTH)}
        assert set(archive.namelist()) == names
        with Image.open(archive.open(f"{prefix}bee/00004.png")) as image:
            assert image.mode == "P"
            assert set(np.unique(np.asarray(image))) == {0, 1, 2}
    assert set(np.unique(read_index_png(out / "masks/bee/00002.png"))) == {0, 1}
    first = packed.read_bytes()
    assert davis(data, out, "--set", "valid", "--submission", packed) == 0
    assert packed.read_bytes() == first
    with pytest.raises(InputError, match="without scores"):
        read_run(out)


def test_a_set_of_davis_with_first_masks_alone_is_withheld(own, tmp_path):
    for path in own.glob("Annotations/480p/*/*.png"):
        if path.stem != "00000":
            path.unlink()
    assert davis(own, tmp_path / "run", "--submission", tmp_path / "s.zip") == 0
    with ZipFile(tmp_path / "s.zip") as archive:
        assert "bear/00005.png" in archive.namelist()


def test_a_set_with_its_truth_is_scored_and_packed(own, whole, tmp_path):
    assert not load_dataset(own).withheld
    out = shutil.copytree(whole, tmp_path / "run")
    assert davis(own, out, "--submission", tmp_path / "s.zip") == 0
    assert json.loads((out / "results.json").read_text())["state"] == "complete"
    assert (tmp_path / "s.zip").is_file()


def test_a_file_that_cannot_be_written_is_refused_before_any_mask(tmp_path, capsys):
    data = withheld(tmp_path / "data", meta=True)
    (tmp_path / "taken").write_text("x")
    for name, told in (("s.tar", "not the name of a zip"), ("taken/s.zip", "can be written")):
        given = ("--set", "valid", "--submission", tmp_path / name)
        assert davis(data, tmp_path / "run", *given) == 2
        assert told in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_sequence_without_truth_among_others_is_refused_before_any_mask(own, tmp_path, capsys):
    for path in own.glob("Annotations/480p/bear/*.png"):
        if path.stem != "00000":
            path.unlink()
    assert davis(own, tmp_path / "run") == 2
    assert "bear: 1 annotated frames" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("meta", [True, False])
def test_withheld_truth_is_refused_by_scores_and_sweeps(tmp_path, capsys, meta):
    data = withheld(tmp_path / "data", meta, late=("ape", "bee"))
    (tmp_path / "found").mkdir()
    arguments = ["evaluate", tmp_path / "found", data, "--set", "valid"]
    assert run_verbs("vos", "Test.", VERBS, list(map(str, arguments))) == 2
    assert "is withheld" in capsys.readouterr().err
    sweep = ("sweep", "--data", data, "-o", tmp_path / "sweep", "--set", "valid")
    assert bench(*sweep, "--grid", "topk=1,2", "--backbone", "efficientnet_lite0") == 2
    assert "is withheld" in capsys.readouterr().err
