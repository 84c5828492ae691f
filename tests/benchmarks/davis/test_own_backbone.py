"""A run with a backbone by FILE.py:FUNCTION: several processes, kept features, its record."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.davis.davis_run import run_davis
from tests.data.davis import bench
from tests.data.own_backbones import modules_forgotten, write_network
from vos.datasets.loading import load_dataset
from vos.errors import InputError
from vos.files import sha256_of
from vos.propagation.config import PropagationConfig
from vos.runtime.distributed import Team

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


def test_a_run_from_python_takes_a_name_or_a_module(data, tmp_path):
    class Colours(torch.nn.Module):
        stride, mean, std = 8, (0.5,) * 3, (0.2,) * 3

        def forward(self, images):
            return torch.nn.functional.avg_pool2d(images, 8)

    dataset = load_dataset(data, "val", sequences=("bear",))
    options = {"resolution": "480p", "overwrite": False, "scoring_processes": 1}
    config = PropagationConfig(short_side=64)
    for number, backbone in enumerate((Colours(), "efficientnet_lite0")):
        out = tmp_path / str(number)
        assert run_davis(dataset, backbone, out, Team(), config=config, **options) == 0
        about = json.loads((out / "run.json").read_text())["settings"]["backbone"]
        assert about["name"] == ("Colours", "efficientnet_lite0")[number]
    with pytest.raises(InputError, match="and int was given"):
        run_davis(dataset, 7, tmp_path / "wrong", Team(), config=config, **options)
