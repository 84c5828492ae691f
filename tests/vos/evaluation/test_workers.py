"""Sequences scored by several processes."""

import subprocess
import sys

import pytest

from tests.data.predictions import square
from vos.errors import InputError
from vos.evaluation import workers as module
from vos.evaluation.evaluate import evaluate
from vos.masks.io import write_mask


def test_fresh_workers_where_a_fork_is_not_safe(folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", object())
    assert module._context().get_start_method() == "spawn"
    monkeypatch.undo()
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert evaluate(*folders, processes=2).jf_mean == pytest.approx(2 / 3)


def test_a_script_without_a_guard_may_use_several_processes(folders, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; sys.modules['torch'] = object()  # so that workers start afresh\n"
        "from vos.evaluation.evaluate import evaluate\n"
        f"print(evaluate(*{[str(f) for f in folders]!r}, processes=2).jf_mean)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0.6666666666666666"], done.stderr
    assert done.stderr == ""


def test_an_error_in_a_worker_arrives(folders):
    write_mask(folders[0] / "b/00002.png", square(9, 5))
    with pytest.raises(InputError, match=r"sequence b: .*frame 00002: ids 9"):
        evaluate(*folders, processes=2)


def test_processes_must_be_positive(folders):
    with pytest.raises(InputError, match="0 processes"):
        evaluate(*folders, processes=0)
