"""The checks before a commit are those of `make lint`: ruff of the same series."""

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_hook_has_the_least_version_of_ruff_that_is_installed():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    least = re.search(r"ruff >= ([\d.]+)", setup["options.extras_require"]["dev"])
    hook = re.search(r"rev: v(\S+)", (ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert least[1] == hook[1]
