"""A run with a backbone by FILE.py:FUNCTION: several processes, kept features, its record."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.davis import bench
from tests.data.own_backbones import modules_forgotten, write_network
from vos.files import sha256_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def file(tmp_path):
    with modules_forgotten(tmp_path):
        yield write_network(tmp_path / "net.py")


def arguments(data, out, file):
    return [
        *("davis", "--data", data, "-o", out, "--backbone", f"{file}:make"),
        *("--processes", "1", "--device", "cpu", "--precision", "fp32", "--short-side", "64"),
        *("--feature-cache", out.parent / "cache"),
    ]


def masks_of(out):
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("masks/*/*.png"))}


def test_two_processes_make_the_same_masks(data, tmp_path, file):
    assert bench(*arguments(data, tmp_path / "one", file)) == 0
    about = json.loads((tmp_path / "one" / "run.json").read_text())["settings"]["backbone"]
    assert about["function"] == f"{file}:make"
    assert about["function_sha256"] == sha256_of(file)
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "benchmarks", *arguments(data, tmp_path / "two", file)]
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert masks_of(tmp_path / "one")
    assert masks_of(tmp_path / "two") == masks_of(tmp_path / "one")
    assert len(list((tmp_path / "cache").iterdir())) == 1  # both read the same entries


def test_a_run_does_not_go_on_with_another_file(data, tmp_path, file, capsys):
    assert bench(*arguments(data, tmp_path / "run", file)) == 0
    write_network(file, "\n# changed\n")
    capsys.readouterr()
    assert bench(*arguments(data, tmp_path / "run", file)) == 2
    assert "function_sha256" in capsys.readouterr().err


def test_a_wrong_function_is_a_sentence(data, tmp_path, file, capsys):
    assert bench(*arguments(data, tmp_path / "run", f"{file}x")) == 2
    error = capsys.readouterr().err
    assert "there is no file" in error
    assert "Traceback" not in error
