"""`vos segment` against the masks of the published DAVIS script, whatever cases the folder holds.

A case names its checkpoint, its frames and its settings in `cases.json`; `<name>.npz` holds the
published masks. Frames lie in a folder named like the sequence beside `cases.json`, else in the
development set.
"""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from tests.reference.files import REFERENCE, SHARED
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.masks.ids import object_ids
from vos.masks.io import read_index_png, write_mask
from vos.propagation.config import PropagationConfig

FOLDER = REFERENCE / "propagation" if (REFERENCE / "propagation").is_dir() else REFERENCE
MIN_EQUAL = 0.9999
MIN_EQUAL_FRAME = 0.999
MIN_IOU = 0.99
MIN_PIXELS = 500

if not (FOLDER / "cases.json").is_file():
    pytest.skip(f"no cases.json in {FOLDER}; set VOS_REFERENCE_DIR", allow_module_level=True)

CASES = json.loads((FOLDER / "cases.json").read_text(encoding="utf-8"))


def frame_files(case):
    """Paths of the case's frames, in order."""
    sequence = case.get("sequence", case["name"])
    beside = FOLDER / sequence
    folder = beside if beside.is_dir() else SHARED / "davis-dev" / "JPEGImages" / "480p" / sequence
    if not folder.is_dir():
        pytest.skip(f"the frames of {sequence} are not here")
    names = case.get("frames") or sorted(p.name for p in folder.glob("*.jpg"))
    return [folder / name for name in names]


def settings(case):
    """The case's numbers as options of the command line."""
    known = [f.name for f in fields(PropagationConfig) if f.name in case]
    options = []
    for name in known:
        options += [f"--{name.replace('_', '-')}", str(case[name])]
    return options


def iou(mask, want, object_id):
    ours, theirs = mask == object_id, want == object_id
    return (ours & theirs).sum() / (ours | theirs).sum()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_masks_are_those_of_the_published_script(case, tmp_path, capsys):
    with np.load(FOLDER / f"{case['name']}.npz") as reference:
        masks = reference["masks"]
    files = frame_files(case)
    assert len(files) == len(masks)
    frames = tmp_path / "frames"
    frames.mkdir()
    for path in files:
        (frames / path.name).symlink_to(path)
    # The published script writes the given mask as frame 0's, so that is what it was given.
    first = tmp_path / "first.png"
    write_mask(first, masks[0].astype(np.uint8))
    weights = FOLDER / case.get("checkpoint", f"{case['name']}.pth")
    argv = ["segment", str(frames), "--mask", str(first), "-o", str(tmp_path / "out")]
    argv += ["--weights", str(weights), "--precision", "fp32", "--device", "cpu"]
    assert run_verbs("vos", "", VERBS, [*argv, *settings(case)]) == 0, capsys.readouterr().err
    found = np.stack([read_index_png(tmp_path / "out/masks" / f"{p.stem}.png") for p in files])
    equal = (found == masks).reshape(len(files), -1).mean(axis=1)
    assert equal.mean() >= MIN_EQUAL
    assert equal.min() > MIN_EQUAL_FRAME
    for mask, want in zip(found, masks, strict=True):
        for object_id in np.unique(want[want > 0]):
            if (want == object_id).sum() > MIN_PIXELS:
                assert iou(mask, want, object_id) > MIN_IOU


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_reference_starts_from_the_annotation(case):
    """What the test above gives as the first mask is the data's own annotation."""
    with np.load(FOLDER / f"{case['name']}.npz") as reference:
        given = reference["masks"][0]
    sequence, name = case.get("sequence", case["name"]), Path(case["frames"][0]).stem
    places = [
        FOLDER / sequence / "first_mask.png",
        SHARED / "davis-dev" / "Annotations" / "480p" / sequence / f"{name}.png",
        *sorted((SHARED / "davis-scoring").glob(f"**/Annotations*/480p/{sequence}/{name}.png")),
    ]
    present = [read_index_png(path) for path in places if path.is_file()]
    alike = [mask for mask in present if object_ids(mask) == object_ids(given)]
    if not alike:
        pytest.skip("no annotation with these objects is here")
    assert any(np.array_equal(mask, given) for mask in alike)
