"""Print what the tests need, PyTorch and what stands on it left out: a line a requirement."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

_STANDS_ON_PYTORCH = re.compile(r"torch|timm|onnx|.*pytorch")

setup = configparser.ConfigParser()
setup.read(Path(__file__).resolve().parent.parent / "setup.cfg")
lines = setup["options"]["install_requires"] + setup["options.extras_require"]["test"]
for line in filter(None, map(str.strip, lines.splitlines())):
    if not _STANDS_ON_PYTORCH.match(line):
        print(line)
