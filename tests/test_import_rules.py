"""The house rules of imports: they go down only, and packages meet in files alone."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What each module of `vos` may import of its own package. Every module may import `files`.
ALLOWED: dict[str, set[str]] = {
    # the ground floor: no sibling but `files`
    "_version": set(),
    "files": set(),
    "command": {"_version"},
    "devices": set(),
    "metrics": set(),
    "neighborhood": set(),
    "parallel": set(),
    "affinity": {"neighborhood", "parallel"},
    "labels": set(),
    "memory": set(),
    "mask_values": set(),
    "masks": {"mask_values"},
    "images": set(),
    "decoding": set(),
    "frames": {"decoding", "images"},
    "video": {"decoding", "frames", "images"},
    "video_writer": set(),
    "soft_labels": set(),
    "blocked_attention": {"parallel"},
    "vit_blocks": set(),
    "vit": {"blocked_attention", "vit_blocks"},
    "efficientnet": set(),
    "checkpoints": set(),
    "weights": {"checkpoints", "_version"},
    # features
    "backbone_base": {"checkpoints", "devices"},
    "backbones_timm": {"backbone_base", "checkpoints"},
    "efficientnet_lite0": {"backbone_base", "checkpoints", "efficientnet", "weights"},
    "backbones": {
        "backbone_base",
        "backbones_timm",
        "checkpoints",
        "devices",
        "efficientnet_lite0",
        "vit",
        "weights",
    },
    # propagation
    "config": {"labels", "neighborhood"},
    "propagator": {
        "affinity",
        "backbone_base",
        "backbones",
        "config",
        "labels",
        "masks",
        "memory",
        "neighborhood",
    },
    "resume": {"memory", "propagator"},
    # pictures and scores
    "overlay": {"masks"},
    "rle": {"masks"},
    "sequences": {"masks"},
    "datasets": {"sequences"},
    "scores": {"masks", "metrics", "sequences"},
    "scoring": {"masks", "metrics", "scores", "sequences"},
    "evaluation": {"datasets", "metrics", "scores", "scoring", "sequences"},
    "reports": {"_version", "evaluation", "metrics", "scores"},
    "crosscheck": {"evaluation"},
    # the main job
    "prompts": {"images", "masks"},
    "run_settings": set(),
    "source_fingerprint": set(),
    "run_folder": {"run_settings", "source_fingerprint"},
    "outputs": {"masks", "overlay", "rle", "run_folder", "soft_labels", "video", "video_writer"},
    "run_record": {
        "_version",
        "backbones",
        "config",
        "frames",
        "masks",
        "outputs",
        "run_folder",
        "source_fingerprint",
    },
    "pipeline": {
        "devices",
        "masks",
        "outputs",
        "prompts",
        "propagator",
        "resume",
        "run_folder",
        "run_record",
        "source_fingerprint",
        "video",
    },
    "segment": {
        "backbones",
        "config",
        "masks",
        "outputs",
        "pipeline",
        "prompts",
        "propagator",
        "resume",
        "run_folder",
        "run_record",
        "video",
    },
    "distributed": set(),
    "batch": {"prompts"},
    "attention": {"backbones", "images", "overlay", "video", "video_writer"},
    "demo_clip": set(),
    "feature_cache": {"backbone_base", "devices"},
    "feature_files": set(),
    "features": {"backbone_base", "feature_files"},
    "export": {"backbones", "efficientnet", "vit"},
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
        "vos._version",
        "vos.backbones",
        "vos.checkpoints",
        "vos.command",
        "vos.devices",
        "vos.files",
        "vos.images",
        "vos.video",
        "vos.vit",
        "vos.weights",
    }
    for name in project_imports(path):
        if name.startswith("vos."):
            assert ".".join(name.split(".")[:2]) in allowed
        else:
            assert name in {"vos"} or name.startswith("pretrain")


@pytest.mark.parametrize("path", modules("benchmarks"), ids=lambda p: p.stem)
def test_benchmarks_import_no_tools(path):
    assert not {n for n in project_imports(path) if n.startswith("tools")}
