import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.davis.run_folder import RunFolder
from tests.data.davis import davis, ids_at
from vos.backbones.loading import load_backbone
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.masks.io import write_mask
from vos.propagation.config import PropagationConfig


def masks_of(out):
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("masks/*/*.png"))}


def load(path):
    return json.loads(path.read_text())


def test_again_keeps_whole_sequences_and_makes_spoiled_ones(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    (out / "masks" / "crow" / "00003.png").unlink()
    before = {p: p.stat().st_mtime_ns for p in out.rglob("masks/*/*.png")}
    assert davis(data, out) == 0
    assert "segment: 9/9 frames" in capsys.readouterr().err
    changed = {p.parent.name for p, at in before.items() if p.stat().st_mtime_ns != at}
    assert changed == {"crow"}
    assert masks_of(out) == masks_of(whole)
    assert (out / "per-frame.csv").read_bytes() == (whole / "per-frame.csv").read_bytes()


def test_other_settings_need_another_folder_or_overwrite(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    assert davis(data, out, "--topk", "7") == 2
    assert "propagation.topk: 5 before, 7 now" in capsys.readouterr().err
    assert masks_of(out) == masks_of(whole)
    assert davis(data, out, "--topk", "7", "--overwrite") == 0
    assert load(out / "run.json")["settings"]["propagation"]["topk"] == 7
    assert masks_of(out) != masks_of(whole)


def test_masks_of_unknown_origin_are_not_taken_over(data, tmp_path, capsys):
    write_mask(tmp_path / "run" / "masks" / "bear" / "00000.png", ids_at(0, (1,)))
    assert davis(data, tmp_path / "run") == 2
    assert "no run.json says how they were made" in capsys.readouterr().err


def test_a_damaged_record_is_said(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    (out / "run.json").write_text("{")
    assert davis(data, out) == 2
    assert "cannot be read as the record" in capsys.readouterr().err


def test_a_run_from_before_a_setting_goes_on(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    record = load(out / "run.json")
    del record["settings"]["propagation"]["stretch_channels"]
    (out / "run.json").write_text(json.dumps(record))
    before = {p: p.stat().st_mtime_ns for p in out.rglob("masks/*/*.png")}
    assert davis(data, out) == 0
    assert {p: p.stat().st_mtime_ns for p in out.rglob("masks/*/*.png")} == before
    del record["settings"]["propagation"]["topk"]
    record["settings"]["propagation"]["momentum"] = 0.5
    (out / "run.json").write_text(json.dumps(record))
    assert davis(data, out, "--topk", "7") == 2
    said = capsys.readouterr().err
    assert "propagation.topk: 5 before, 7 now" in said
    assert "propagation.momentum: 0.5 before, not recorded now" in said


def test_the_frames_are_those_of_the_sequence_whatever_else_the_folder_holds(data, tmp_path):
    whole = load_dataset(data, "val").sequences[0]
    some = replace(whole, frames=whole.frames[::2])
    folder = RunFolder(tmp_path / "run")
    folder.prepare({}, overwrite=False)
    backbone = load_backbone("efficientnet_lite0", device="cpu")
    config = PropagationConfig(short_side=64, size_multiple=32)
    folder.propagate(some, backbone, config)
    assert {p.stem for p in (folder.masks / some.name).iterdir()} == set(some.frame_names)
    record = load(folder.out / "sequences" / f"{some.name}.json")
    assert record["results"]["frames"] == len(some.frames)
    assert record["settings"]["source"].startswith(str(whole.frames[0].parent))
    lost = replace(whole, frames=(*whole.frames, tmp_path / "lost.png"))
    with pytest.raises(InputError, match=r"lost\.png: no such file"):
        RunFolder(tmp_path / "other").propagate(lost, backbone, config)
    assert not (tmp_path / "other").exists()


def test_weights_may_have_moved(whole, data, tmp_path):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    record = load(out / "run.json")
    record["settings"]["backbone"]["source"] = "/elsewhere/weights.pth"
    (out / "run.json").write_text(json.dumps(record))
    assert davis(data, out) == 0


def test_an_update_amid_a_run_is_noted(whole, data, tmp_path, capsys):
    out = Path(shutil.copytree(whole, tmp_path / "run"))
    record = load(out / "sequences" / "bear.json")
    record["versions"]["torch"] = "1.0"
    (out / "sequences" / "bear.json").write_text(json.dumps(record))
    assert davis(data, out) == 0
    assert "different package versions" in capsys.readouterr().out
    assert load(out / "results.json")["made_with_different"] == ["package versions"]


def test_a_folder_that_cannot_be_made_is_said(data, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert davis(data, tmp_path / "file" / "run") == 2
    assert "cannot be made" in capsys.readouterr().err
