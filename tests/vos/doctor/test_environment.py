"""Versions: the table is that of setup.cfg; missing and old packages fail with what to do."""

import configparser
import re
import sys
from pathlib import Path

import pytest

from vos.doctor import environment
from vos.doctor.environment import REQUIREMENTS, Requirement, package_check, version_checks

ROOT = Path(__file__).resolve().parents[3]


def test_the_requirements_are_those_of_the_package():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for extra, text in (
        ("", setup["options"]["install_requires"]),
        ("train", setup["options.extras_require"]["train"]),
    ):
        lines = text.strip().splitlines()
        names = [re.match(r"[\w-]+", line)[0] for line in lines]
        least = dict(
            zip(names, (re.search(r">= ([\d.]+)", line)[1] for line in lines), strict=True)
        )
        assert {r.package: r.least for r in REQUIREMENTS if r.extra == extra} == least
    assert {r.extra for r in REQUIREMENTS} == {"", "train"}


def test_all_and_test_bring_what_the_extras_of_the_programs_do():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    for whole, parts in (("all", ("export", "slurm", "train", "wandb")), ("test", ("train",))):
        lines = set(extras[whole].strip().splitlines())
        for part in parts:
            assert set(extras[part].strip().splitlines()) <= lines


def test_a_good_package_gives_its_version():
    check = package_check(Requirement("numpy", "numpy", "2.0"))
    assert check.state == "ok"
    assert check.detail == sys.modules["numpy"].__version__


def test_a_missing_package_fails_and_says_what_to_install():
    check = package_check(Requirement("no-such-package", "no_such_module", "3.1"))
    assert check.state == "fails"
    assert "no_such_module" in check.detail
    assert check.advice == 'pip install --upgrade "no-such-package>=3.1"'


def test_a_package_of_an_extra_is_absent_and_the_extra_is_named():
    check = package_check(Requirement("no-such", "no_such_module", "3.1", extra="train"))
    assert (check.state, check.advice) == ("absent", "")
    assert check.detail.endswith("extra train")


@pytest.mark.parametrize(
    ("version", "state"),
    [("2.9.9", "fails"), ("2.10", "ok"), ("2.10.0rc1+cpu", "ok"), ("10", "ok"), ("1.99", "fails")],
)
def test_versions_are_compared_by_their_numbers(monkeypatch, version, state):
    monkeypatch.setattr(environment, "installed_version", lambda name: version)
    check = package_check(Requirement("numpy", "numpy", "2.10"))
    assert check.state == state
    assert version in check.detail


def test_another_build_of_a_module_is_taken(monkeypatch):
    monkeypatch.setattr(environment, "installed_version", lambda name: None)
    check = package_check(Requirement("opencv-python-headless", "cv2", "4.10"))
    assert (check.state, check.detail) == ("ok", sys.modules["cv2"].__version__)


def test_an_old_python_fails(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(environment, "REQUIREMENTS", ())
    python, toolkit = version_checks()
    assert (python.state, python.advice) == ("fails", "use Python 3.10 or newer")
    assert toolkit.state == "ok"


def test_packages_of_an_extra_are_imported_late_and_by_no_verb_of_the_default():
    modules = {r.module for r in REQUIREMENTS if r.extra}
    for path in [
        p for name in ("vos", "pretrain", "benchmarks") for p in (ROOT / name).rglob("*.py")
    ]:
        text = path.read_text("utf-8")
        for line in re.findall(r"^.*import .*$", text, re.MULTILINE):
            words = set(re.findall(r"\w+", line))
            if line.lstrip().startswith(("import ", "from ")) and words & modules:
                assert line.startswith(" "), path  # inside of a function
                assert path.is_relative_to(ROOT / "pretrain"), path
