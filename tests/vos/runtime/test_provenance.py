"""What figures were made with."""

import re
import subprocess

import torch

from vos.runtime.provenance import (
    device_name,
    git_revision,
    gpu_peak_mib,
    machine,
    timestamp,
    versions,
)


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_revision_is_the_commit_and_says_of_changes(tmp_path):
    git(tmp_path, "init", "-q")
    code = tmp_path / "code.py"
    code.write_text("1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "-q", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_revision(tmp_path) == commit
    (tmp_path / "untracked.txt").write_text("")
    assert git_revision(tmp_path) == commit
    code.write_text("2\n")
    assert git_revision(tmp_path) == f"{commit}+changes"


def test_outside_of_a_checkout_there_is_none(tmp_path):
    assert git_revision(tmp_path / "nowhere") is None
    git(tmp_path, "init", "-q")
    (tmp_path / "installed").mkdir()
    assert git_revision(tmp_path / "installed") is None


def test_the_machine_and_the_versions_are_named():
    found = machine(torch.device("cpu"))
    assert found["device"] == found["processor"] == device_name(torch.device("cpu"))
    assert found["cores"] >= 1
    assert found["cuda"] is None
    assert versions()["torch"] == torch.__version__.split("+")[0]
    assert gpu_peak_mib(torch.device("cpu")) is None


def test_a_machine_is_told_without_pytorch():
    host = machine()
    assert set(host) == {"processor", "cores", "system"}
    assert host.items() <= machine(torch.device("cpu")).items()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}", timestamp())
