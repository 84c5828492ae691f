import json

import pytest

from benchmarks.reporting.run_settings import earlier_settings, require_same
from vos.errors import InputError

BEFORE = {
    "backbone": {"name": "vit", "sha256": "ab", "source": "a.pth"},
    "propagation": {"topk": 5},
}


def test_settings_of_the_run_in_a_folder(tmp_path):
    assert earlier_settings(tmp_path, "--overwrite") is None
    (tmp_path / "run.json").write_text(json.dumps({"settings": BEFORE}))
    assert earlier_settings(tmp_path, "--overwrite") == BEFORE
    for text in ("{", "[]", "{}"):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(InputError, match="cannot be read as the record of a run"):
            earlier_settings(tmp_path, "--overwrite")


def test_what_differs_is_named_and_moved_weights_do_not(tmp_path):
    moved = {**BEFORE, "backbone": {**BEFORE["backbone"], "source": "b.pth"}}
    require_same(tmp_path, BEFORE, moved, "--overwrite", {})
    other = {**BEFORE, "propagation": {"topk": 7, "radius": 3}}
    with pytest.raises(InputError, match=r"propagation\.topk: 5 before, 7 now.*or remove it"):
        require_same(tmp_path, BEFORE, other, "remove it", {"propagation": {"radius": 3}})
    with pytest.raises(InputError, match=r"propagation\.radius: not recorded before, 3 now"):
        require_same(tmp_path, BEFORE, other, "remove it", {})
