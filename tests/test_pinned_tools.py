"""The checks before a commit are those of `make lint`: the same ruff, codespell and mypy."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


PINS = [
    ("ruff", r"ruff-pre-commit\n\s+rev: v(\S+)"),
    ("codespell", r"codespell\n\s+rev: v(\S+)"),
    ("mypy", r"mypy==([\d.]+)"),
]


@pytest.mark.parametrize(("tool", "pin"), PINS)
def test_hooks_have_the_least_versions_that_are_installed(tool, pin):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    least = re.search(rf"{tool} >= ([\d.]+)", setup["options.extras_require"]["dev"])
    hook = re.search(pin, (ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert least[1] == hook[1]
