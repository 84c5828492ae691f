"""Shared research data and PyTorch (tests skip where they are absent), and the public record."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import io
import json
import os
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent


class _SkipWithoutTorch(MetaPathFinder):
    """Skips the test, or the file of tests, that imports PyTorch or what comes with timm."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in {"torch", "torchvision", "timm", "huggingface_hub"}:
            pytest.skip("needs PyTorch, which is not installed", allow_module_level=True)


if importlib.util.find_spec("torch") is None:
    sys.meta_path.append(_SkipWithoutTorch())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked `gpu` and `gpu2` where there are not as many GPUs."""
    for mark, wanted in (("gpu", 1), ("gpu2", 2)):
        if item.get_closest_marker(mark):
            import torch

            count = torch.cuda.device_count() if torch.cuda.is_available() else 0
            if count < wanted:
                pytest.skip(f"needs {wanted} CUDA GPU{'s' * (wanted > 1)}; PyTorch sees {count}")


def _shared_root() -> Path:
    return Path(os.environ.get("VOS_SHARED_DATA", _ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (VOS_SHARED_DATA, default ../shared/data)."""
    root = _shared_root()
    if not root.is_dir():
        pytest.skip(f"research data are not at {root}; set VOS_SHARED_DATA to their folder")
    return root


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """The folder of numeric references (VOS_REFERENCE_DIR, default the shared one)."""
    root = Path(os.environ.get("VOS_REFERENCE_DIR", _shared_root() / "reference"))
    if not root.is_dir():
        pytest.skip(f"numeric references are not at {root}; set VOS_REFERENCE_DIR to their folder")
    return root


@pytest.fixture(scope="session")
def run_program() -> Callable[..., str]:
    """Run vos, vos-pretrain or vos-bench as its entry point does, and return what it prints."""
    packages = {"vos": "vos", "vos-pretrain": "pretrain", "vos-bench": "benchmarks"}

    def run(program: str, *arguments: object, status: int = 0) -> str:
        printed = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [program, *map(str, arguments)])
            patch.setenv("COLUMNS", "80")
            with (
                contextlib.redirect_stdout(printed),
                contextlib.redirect_stderr(printed),
                pytest.raises(SystemExit) as end,
            ):
                importlib.import_module(f"{packages[program]}.cli").main()
        assert end.value.code == status, f"{program} {arguments[0]}: {printed.getvalue()}"
        return printed.getvalue()

    return run


@pytest.fixture(scope="session")
def assert_recorded() -> Callable[[str, dict[str, list[str]]], None]:
    """Compare a group of sections of lines with the record of what users rely on."""
    path = Path(__file__).with_name("data") / "public_surface.json"

    def compare(group: str, now: dict[str, list[str]]) -> None:
        recorded = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if os.environ.get("VOS_RECORD_SURFACE"):
            text = json.dumps({**recorded, group: now}, indent=1, ensure_ascii=False)
            path.write_text(text + "\n", encoding="utf-8")
            return
        old, new = ([f"{s} | {x}" for s in g for x in g[s]] for g in (recorded[group], now))
        changes = list(difflib.unified_diff(old, new, "recorded", "now", lineterm="", n=0))
        if changes or recorded[group].keys() != now.keys():
            advice = "If this is meant, record it; test_public_surface.py says how."
            text = "\n".join([f"what users rely on changed ({group}):", *changes, advice])
            pytest.fail(text, pytrace=False)

    return compare
