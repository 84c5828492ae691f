"""The checks before a commit are those of `make lint`: one version of ruff."""

import configparser
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_hook_and_the_development_tools_have_one_version_of_ruff():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    installed = re.search(r"ruff == (\S+)", setup["options.extras_require"]["dev"])
    hook = re.search(r"rev: v(\S+)", (ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert installed[1] == hook[1]
