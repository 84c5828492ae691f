"""Where PyTorch comes from: the CPU build without a GPU, pip's own settings before all else."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import install_pytorch
from tools.install_pytorch import CPU_INDEX, choose_index, main, names_sources

ROOT = Path(__file__).resolve().parents[2]


def choose(platform="linux", *, gpu=False, own_sources=False, reachable=True):
    asked = []

    def answer(address):
        asked.append(address)
        return reachable

    index, why = choose_index(platform, gpu=gpu, own_sources=own_sources, reachable=answer)
    return index, why, asked


def test_the_cpu_build_is_taken_without_a_gpu():
    index, why, asked = choose()
    assert index == CPU_INDEX
    assert asked == [f"{CPU_INDEX}/torch/"]
    assert "CPU build, 0.2 GB" in why


@pytest.mark.parametrize(
    "machine", [{"gpu": True}, {"own_sources": True}, {"platform": "darwin"}, {"platform": "win32"}]
)
def test_pips_own_index_is_taken_elsewhere_and_no_other_is_asked(machine):
    index, why, asked = choose(**machine)
    assert index is None
    assert asked == []
    assert "GB" in why


def test_an_index_that_does_not_answer_is_not_taken():
    index, why, _ = choose(reachable=False)
    assert index is None
    assert "does not answer" in why


@pytest.mark.parametrize(
    ("environment", "settings", "named"),
    [
        ({}, "", False),
        (
            {"PIP_DEFAULT_TIMEOUT": "9"},
            "global.cert='/etc/x.crt'\n:env:.no-index-at-all='1'",
            False,
        ),
        ({"PIP_INDEX_URL": "https://mirror/simple"}, "", True),
        ({"PIP_EXTRA_INDEX_URL": "https://mirror/simple"}, "", True),
        ({"PIP_FIND_LINKS": "/wheels"}, "", True),
        ({"PIP_INDEX_URL": ""}, "", False),
        ({}, "global.cert='/x'\nglobal.index-url='https://mirror/simple'", True),
        ({}, "install.find-links='/wheels'", True),
        ({}, "site.extra-index-url='file:///pypi/simple'", True),
    ],
)
def test_what_counts_as_a_source_of_ones_own(environment, settings, named):
    assert names_sources(environment, settings) is named


@pytest.fixture
def empty_machine(monkeypatch):
    """A Linux machine without PyTorch, a GPU and settings of pip; its index answers."""
    monkeypatch.setattr(install_pytorch.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(install_pytorch.sys, "platform", "linux")
    monkeypatch.setattr(install_pytorch, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(install_pytorch, "names_sources", lambda *_: False)
    monkeypatch.setattr(install_pytorch, "pip_settings", lambda: "")
    monkeypatch.setattr(install_pytorch, "is_reachable", lambda address: True)


def test_a_dry_run_says_what_would_be_done(empty_machine, capsys):
    assert main(["--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert f"--index-url {CPU_INDEX} torch torchvision" in shown


def test_pips_own_index_is_taken_where_the_other_one_fails(empty_machine, monkeypatch, capsys):
    commands = []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, int(CPU_INDEX in command))

    monkeypatch.setattr(install_pytorch.subprocess, "run", run)
    assert main([]) == 0
    assert [CPU_INDEX in command for command in commands] == [True, False]
    assert "did not work" in capsys.readouterr().out


def test_what_is_installed_stays(monkeypatch, capsys):
    monkeypatch.setattr(install_pytorch.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(install_pytorch.subprocess, "run", None)
    assert main([]) == 0
    assert "installed already" in capsys.readouterr().out


def test_other_words_are_refused(capsys):
    assert main(["torch"]) == 2
    assert "usage" in capsys.readouterr().err


def test_it_runs_with_a_bare_python():
    """It comes before everything else, so it may import nothing that has to be installed."""
    code = "import runpy, sys; sys.argv[1:] = ['x']; runpy.run_path(sys.argv[0], run_name='x')"
    script = str(ROOT / "tools/install_pytorch.py")
    command = [sys.executable, "-S", "-I", "-c", code.replace("sys.argv[0]", repr(script))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_make_calls_it_before_the_toolkit_is_installed():
    recipe = (ROOT / "Makefile").read_text("utf-8")
    first = recipe.index("$(BIN)/python tools/install_pytorch.py")
    assert first < recipe.index('--editable ".[')
    assert not re.search(r"pip install[^\n]*torch", recipe)
