"""Batch scripts of Slurm, and their submission with a stand-in for sbatch."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from vos.errors import InputError
from vos.runtime.slurm_job import (
    JobOptions,
    installed_program,
    job_script,
    require_inputs,
    submit,
)

REFUSES = '#!/bin/sh\necho "sbatch: error: Invalid account" >&2\nexit 1\n'


@pytest.fixture
def sbatch(tmp_path, monkeypatch):
    """A program sbatch that keeps the script that it is given."""
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncp "$2" {tmp_path}/taken.sh\necho "42;cluster"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program


def test_a_script_asks_for_what_was_given(tmp_path):
    options = JobOptions(2, 4, 10, "1-12", "gpu", "lab", "high", "a100|h100", "64G")
    lines = options.directives("vos-bench-davis", 4, tmp_path / "my logs")
    assert lines == [
        "#SBATCH --job-name=vos-bench-davis",
        "#SBATCH --nodes=2",
        "#SBATCH --ntasks-per-node=4",
        "#SBATCH --cpus-per-task=10",
        "#SBATCH --gpus-per-node=4",
        "#SBATCH --time=1-12",
        "#SBATCH --partition=gpu",
        "#SBATCH --account=lab",
        "#SBATCH --qos=high",
        '#SBATCH "--constraint=a100|h100"',
        "#SBATCH --mem=64G",
        f'#SBATCH "--output={tmp_path}/my logs/%j.out"',
    ]
    assert not any("gpus" in line for line in JobOptions(gpus=0).directives("a", 1, tmp_path))


def test_a_script_runs_the_command_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["printf", "%s|", "two words", "$HOME", "it's"]
    script = job_script(["#SBATCH --nodes=1"], ['srun() { "$@"; }', "export A=1"], command)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "two words|$HOME|it's|"
    assert script.startswith("#!/bin/bash\n#SBATCH --nodes=1\n")


def test_a_script_is_submitted(sbatch, tmp_path):
    assert submit("#!/bin/bash\ntrue\n", "job", tmp_path / "logs") == "42"
    assert (tmp_path / "taken.sh").read_text() == "#!/bin/bash\ntrue\n"


def test_a_node_starts_the_program_of_this_environment(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert installed_program("vos", "vos") == [str(tmp_path / "python"), "-m", "vos"]
    (tmp_path / "vos").write_text("")
    assert installed_program("vos", "vos") == [str(tmp_path / "vos")]


def test_what_sbatch_refuses_is_said(sbatch, tmp_path):
    sbatch.write_text(REFUSES)
    with pytest.raises(OSError, match="took no job: sbatch: error: Invalid account"):
        submit("#!/bin/bash\n", "job", tmp_path / "logs")


def test_a_machine_without_slurm_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no program sbatch"):
        submit("#!/bin/bash\n", "job", tmp_path / "logs")
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nodes": 0}, "nodes is 0"),
        ({"gpus": -1}, "gpus is -1"),
        ({"cpus": 0}, "cpus is 0"),
        ({"time": "soon"}, "time is 'soon'"),
        ({"time": "1:2:3"}, "expected minutes"),
        ({"account": "lab\n#SBATCH --nodes=9"}, "plain name"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        JobOptions(**options)


@dataclass
class Sets:
    train: str | None = None


@dataclass
class Options:
    data: Path | None = None
    mask: tuple[str, ...] = ()
    out: Path = Path("not there yet")
    sets: Sets = field(default_factory=Sets)


def test_inputs_have_to_be_there(tmp_path):
    (tmp_path / "sets.zip").write_bytes(b"")
    require_inputs(Options(tmp_path, (f"3={tmp_path}/sets.zip",), sets=Sets("http://a/b")))
    require_inputs(Options(sets=Sets(f"{tmp_path}/sets.zip/train")))
    for options in (
        Options(tmp_path / "no"),
        Options(mask=("3=no.png",)),
        Options(sets=Sets("no")),
    ):
        with pytest.raises(InputError, match="no such file or folder here"):
            require_inputs(options)
