"""The house rules of imports: they go down only, and packages meet in files alone."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each module of `vos` may import of its own package. Every module may import `files`.
ALLOWED = {
    "_version": set(),
    "files": set(),
    "command": {"_version"},
    "neighborhood": set(),
    "affinity": {"neighborhood"},
    "memory": set(),
    "labels": set(),
    "metrics": set(),
    "masks": set(),
    "mask_values": {"masks"},
    "vit": set(),
    "checkpoints": set(),
    "weights": {"checkpoints", "_version"},
    "video": set(),
    "devices": set(),
    "backbone_base": {"devices"},
    "backbones_timm": {"backbone_base", "checkpoints", "weights"},
    "backbones": {"backbone_base", "backbones_timm", "checkpoints", "devices", "vit", "weights"},
    "config": {"labels", "neighborhood"},
    "propagator": {"affinity", "backbones", "config", "labels", "masks", "memory", "neighborhood"},
    "overlay": {"masks"},
    "datasets": {"video", "masks"},
    "evaluation": {"datasets", "masks", "metrics"},
    "segment": {"backbones", "propagator", "video", "masks", "overlay", "weights", "_version"},
}
# The package's public face may import all of `vos`, as the verbs in `vos/cli` may.
FREE = {"__init__", "__main__"}


def project_imports(path: Path) -> set[str]:
    """Dotted names of the project's modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the whole name"
            module = node.module or ""
            names |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return {n for n in names if n.split(".")[0] in {"vos", "pretrain", "benchmarks", "tools"}}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", modules("vos"), ids=lambda p: str(p.relative_to(ROOT)))
def test_vos_imports_go_down_only(path):
    imported = project_imports(path)
    assert not {n for n in imported if not n.startswith("vos")}
    if path.stem in FREE or path.parent.name == "cli":
        return
    siblings = {n.split(".")[1] for n in imported if n.count(".") >= 1}
    assert path.stem in ALLOWED, f"{path.name} is a new room: say what it may import"
    assert siblings <= ALLOWED[path.stem] | {"files"}


@pytest.mark.parametrize("path", modules("pretrain"), ids=lambda p: p.stem)
def test_pretrain_takes_only_features_and_frames_from_vos(path):
    allowed = {
        "vos.backbones",
        "vos.video",
        "vos.files",
        "vos.command",
        "vos.weights",
        "vos._version",
    }
    for name in project_imports(path):
        if name.startswith("vos."):
            assert ".".join(name.split(".")[:2]) in allowed
        else:
            assert name in {"vos"} or name.startswith("pretrain")


@pytest.mark.parametrize("path", modules("benchmarks"), ids=lambda p: p.stem)
def test_benchmarks_import_no_tools(path):
    assert not {n for n in project_imports(path) if n.startswith("tools")}
