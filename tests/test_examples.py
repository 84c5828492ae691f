"""The examples of the documentation run, give their figures, and agree with their notebooks."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tools.example_notebooks import EXAMPLES, notebook, scripts_with_notebook
from vos.masks.io import write_mask

SCRIPTS = sorted(EXAMPLES.glob("*.py"))


def run(name, folder, *arguments):
    pytest.importorskip("torch")
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def figures(pattern, text):
    return [float(value) for value in re.findall(pattern, text)]


def test_first_steps(tmp_path):
    printed = run("first_steps.py", tmp_path)
    assert "16 frames, objects (1, 2, 3)" in printed
    scores = figures(r"mean J (\S+)", printed)
    assert len(scores) == 3
    assert min(scores) > 0.95
    assert (tmp_path / "first_steps/overlay.mp4").stat().st_size > 0


def test_own_backbone(tmp_path):
    scores = figures(r"mean J of object 1 (\S+)", run("own_backbone.py", tmp_path))
    assert len(scores) == 2
    assert min(scores) > 0.9


def test_corrections(tmp_path):
    before, after = figures(r"mean J (0\.\d+)", run("corrections.py", tmp_path))
    assert before < after


def test_scoring(tmp_path):
    printed = run("scoring.py", tmp_path)
    assert figures(r"^J (\S+)", printed) == [0.905]
    assert 0.9 < figures(r"J&F (\S+)", printed)[0] < 1
    assert len(re.findall(r"clip_\d: J", printed)) == 3


def test_classifier(tmp_path):
    right, of = re.search(r"(\d+) of (\d+) crops", run("classifier.py", tmp_path)).groups()
    assert int(right) > 0.9 * int(of)


def test_attention_maps(tmp_path):
    printed = run("attention_maps.py", tmp_path, "--untrained")
    assert len(printed.splitlines()) == 7
    assert len(list((tmp_path / "attention_maps").glob("*.png"))) == 7


WITH_NOTEBOOK = scripts_with_notebook()


def test_camera_service(tmp_path):  # the rest is in test_camera_service.py
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_mask(tmp_path / name / "0.png", np.zeros((120, 214), np.uint8))
    printed = run("camera_service.py", tmp_path, "out", "left=a", "right=b")
    assert printed == "left: 1 frames\nright: 1 frames\n"


def test_all_but_the_service_have_a_notebook():
    written = {path.stem for path in EXAMPLES.glob("*.ipynb")}
    assert written == {path.stem for path in WITH_NOTEBOOK}
    assert {path.stem for path in SCRIPTS} - written == {"camera_service"}


@pytest.mark.parametrize("script", WITH_NOTEBOOK, ids=[path.stem for path in WITH_NOTEBOOK])
def test_a_notebook_says_what_its_script_says(script):
    written = script.with_suffix(".ipynb").read_text("utf-8")
    assert written == notebook(script.read_text("utf-8")), "python -m tools.example_notebooks"


def test_every_script_is_tried():
    tried = set(re.findall(r'run\("(\w+)\.py"', Path(__file__).read_text("utf-8")))
    assert tried == {path.stem for path in SCRIPTS}
