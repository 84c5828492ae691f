"""The house rules: wings import downwards only, keep their private names, and stay small.

The tables name wings, not files: a file belongs to the folder that it lies in.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("vos", "pretrain", "benchmarks")

# What a wing may import of its own package; itself, and what is free to all, always.
WINGS: dict[str, dict[str, set[str]]] = {
    "vos": {
        "runtime": set(),
        "masks": set(),
        "pictures": set(),
        "video": {"pictures"},
        "visualization": {"masks"},
        "datasets": {"masks"},
        "backbones": {"runtime"},
        "propagation": {"backbones", "masks", "runtime"},
        "interactive": {"backbones", "propagation", "runtime"},
        "features": {"backbones", "runtime", "video", "visualization"},
        "evaluation": {"datasets", "masks"},
        "segmentation": {"propagation", "backbones", "video", "masks", "visualization", "runtime"},
        "tracking": {
            "segmentation", "propagation", "backbones", "video", "visualization", "runtime",
        },
        "app": {
            "segmentation", "interactive", "propagation", "backbones", "video", "pictures",
            "masks", "visualization", "datasets", "runtime",
        },
        "doctor": {"runtime", "masks", "video", "backbones", "propagation", "evaluation",
                   "segmentation"},
        "cli": {
            "runtime", "masks", "pictures", "video", "visualization", "datasets", "backbones",
            "propagation", "features", "evaluation", "segmentation", "tracking", "doctor",
            "interactive", "app",
        },
    },
    "pretrain": {
        "sources": set(),
        "distributed": set(),
        "config": {"sources"},
        "losses": {"distributed"},
        "models": {"config"},
        "data": {"sources", "config"},
        "training": {"models", "losses", "config", "distributed"},
        "probes": {"training", "data", "sources", "config"},
        "monitoring": {"probes", "training", "data", "sources", "config"},
        "train": {
            "sources", "distributed", "config", "losses", "models", "data", "training", "probes",
            "monitoring",
        },
        "cli": {
            "sources", "distributed", "config", "losses", "models", "data", "training", "probes",
            "monitoring", "train",
        },
    },
    "benchmarks": {
        "reporting": set(),
        "features": set(),
        "classification": {"features", "reporting"},
        "retrieval": {"features", "reporting"},
        "attention": {"features", "reporting"},
        "davis": {"features", "reporting"},
        "clicks": {"features", "reporting"},
        "rounds": {"clicks", "features", "reporting"},
        "points": {"features", "reporting"},
        "parts": {"davis", "features", "reporting"},
        "speed": {"features", "reporting"},
        "finetuning": {"classification", "features", "reporting"},
        "cli": {"reporting"},
    },
}  # fmt: skip
# Rooms that every wing of their package may use; the faces hand on names or run the program.
FREE = {"vos": {"errors", "files", "_version"}, "pretrain": set(), "benchmarks": set()}
FACES = {"__init__", "__main__"}

# What a package may import of another one: wings, or single rooms.
ACROSS: dict[tuple[str, str], dict[str, set[str]]] = {
    ("pretrain", "vos"): {
        "*": {
            "errors", "files", "_version", "runtime", "visualization", "backbones", "pictures",
            "cli.verbs",
        },
    },
    ("benchmarks", "vos"): {
        "*": {
            "errors", "files", "_version", "runtime", "masks", "video", "visualization",
            "datasets", "backbones", "propagation", "features", "evaluation", "segmentation",
            "tracking", "interactive",
        },
        "cli": {"cli.verbs"},
        "speed": {"cli.verbs"},
    },
    ("benchmarks", "pretrain"): {
        "features": {"sources"},
        "retrieval": {"sources"},
        "speed": {"config", "data", "sources"},
    },
}  # fmt: skip

WITHOUT_TORCH = (
    "vos.errors",
    "vos.files",
    "vos.masks",
    "vos.pictures",
    "vos.video",
    "vos.visualization",
    "vos.datasets",
    "vos.evaluation",
    "vos.runtime.precision",
    "vos.runtime.progress",
    "vos.runtime.signals",
    "vos.cli.verbs",
    "vos.cli.browser",
    "vos.cli.attention",
    "vos.cli.exports",
    "vos.cli.demo",
    "vos.cli.doctor",
    "vos.cli.evaluate",
    "vos.cli.export",
    "vos.cli.features",
    "vos.cli.frame",
    "vos.cli.segment",
    "vos.cli.track",
)
LINES_OF_A_FILE, LINES_OF_A_FUNCTION, FILES_OF_A_FOLDER = 320, 60, 12


@dataclass(frozen=True)
class Import:
    """One name that a module imports."""

    module: str
    name: str
    """Empty where the module itself is imported."""
    lazy: bool
    """Not run when the importing module is loaded."""


@dataclass(frozen=True)
class Room:
    """A module of the project."""

    root: Path
    path: Path

    @cached_property
    def dotted(self) -> str:
        parts = self.path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        return self.dotted.split(".")[0]

    @property
    def wing(self) -> str:
        """The folder below the package, or the module's own name where it lies in none."""
        return self.dotted.split(".")[1] if "." in self.dotted else ""

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(_imports(self.tree.body, self.path, lazy=False))


def _imports(body: Iterable[ast.AST], path: Path, *, lazy: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "", lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the whole name"
            yield from (Import(node.module or "", alias.name, lazy) for alias in node.names)
        else:
            checked_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            inner = ast.iter_child_nodes(node)
            yield from _imports(inner, path, lazy=lazy or later or checked_only)


def rooms(root: Path) -> list[Room]:
    """Return the project's modules, whatever wing they lie in."""
    return [
        Room(root, path)
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
        if path.is_file()
    ]


def targets(room: Room) -> Iterator[tuple[Import, str, str]]:
    """Give each import of the project's own with the package and the dotted rest it leads to."""
    for imported in room.imports:
        package, _, rest = imported.module.partition(".")
        if not rest and imported.name:  # `from vos import video`
            rest = imported.name
        if package in {*PACKAGES, "tools", "tests"}:
            yield imported, package, rest


def upward_imports(root: Path) -> list[str]:
    """List what a wing imports that it may not."""
    wrong = []
    for room in rooms(root):
        if room.wing not in WINGS[room.package]:  # a face, or free to all; see `homeless`
            continue
        for imported, package, rest in targets(room):
            wing = rest.split(".")[0]
            if package == room.package:
                allowed = WINGS[package][room.wing] | FREE[package] | {room.wing}
                fine = wing in allowed or not rest
            else:
                table = ACROSS.get((room.package, package), {})
                allowed = table.get("*", set()) | table.get(room.wing, set())
                fine = any(rest == a or rest.startswith(f"{a}.") for a in allowed)
                fine = fine or (wing == "cli" and f"cli.{imported.name}" in allowed)
                fine = fine or f"{rest}.{imported.name}" in allowed
            if not fine:
                wrong.append(f"{room.dotted} imports {imported.module} {imported.name}".rstrip())
    return wrong


def homeless(root: Path) -> list[str]:
    """List modules that lie in no wing of the tables."""
    return [
        room.dotted
        for room in rooms(root)
        if room.wing not in {"", "__main__"}
        and room.wing not in WINGS[room.package].keys() | FREE[room.package]
    ]


def crossing_private_names(root: Path) -> list[str]:
    """List names that begin with an underscore and are imported from another wing."""
    return [
        f"{room.dotted} imports {imported.name} of {imported.module}"
        for room in rooms(root)
        for imported, package, rest in targets(room)
        if imported.name.startswith("_")
        and not imported.name.startswith("__")
        and (package, rest.split(".")[0]) != (room.package, room.wing)
        and imported.name != "_version"
    ]


def circles(root: Path) -> list[str]:
    """List modules that import each other in a loop, those imported in functions counted."""
    known = {room.dotted: room for room in rooms(root)}
    graph: dict[str, set[str]] = {}
    for name, room in known.items():
        leads_to = {i.module for i in room.imports} | {
            f"{i.module}.{i.name}" for i in room.imports if i.name
        }
        graph[name] = {other for other in leads_to if other in known and "." in other} - {name}
    loops: list[str] = []
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            loops.append(" -> ".join((*trail[trail.index(name) :], name)))
        elif name not in done:
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
    return loops


def large_things(root: Path) -> list[str]:
    """List files, functions and folders that are too large to have one subject."""
    large = []
    for room in rooms(root):
        length = len(room.path.read_text(encoding="utf-8").splitlines())
        if length > LINES_OF_A_FILE:
            large.append(f"{room.dotted} has {length} lines")
        for node in ast.walk(room.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > LINES_OF_A_FUNCTION:
                    large.append(f"{room.dotted}: {node.name} has {length} lines")
    folders = {room.path.parent for room in rooms(root)}
    for folder in sorted(folders):
        files = len([p for p in folder.glob("*.py") if p.stem not in FACES])
        if files > FILES_OF_A_FOLDER:
            large.append(f"{folder.relative_to(root)} has {files} files")
    return large


def test_imports_go_down_only():
    assert upward_imports(ROOT) == []


def test_every_module_lies_in_a_wing():
    assert homeless(ROOT) == []


def test_private_names_stay_in_their_wing():
    assert crossing_private_names(ROOT) == []


def test_no_module_imports_itself_by_way_of_others():
    assert circles(ROOT) == []


def test_files_functions_and_folders_are_small():
    assert large_things(ROOT) == []


def test_tools_and_tests_are_imported_by_nothing():
    strange = [
        f"{room.dotted} imports {imported.module}"
        for room in rooms(ROOT)
        for imported, package, _ in targets(room)
        if package in {"tools", "tests"}
    ]
    assert strange == []


def test_the_face_of_a_wing_is_its_docstring():
    for room in rooms(ROOT):
        wing = room.path.stem == "__init__" and room.dotted.count(".") == 1
        if wing and room.wing != "cli":
            assert [type(node) for node in room.tree.body] == [ast.Expr], room.dotted
            assert ast.get_docstring(room.tree), room.dotted


def test_scoring_and_pictures_load_no_pytorch():
    names = [
        room.dotted
        for room in rooms(ROOT)
        if any(room.dotted == w or room.dotted.startswith(f"{w}.") for w in WITHOUT_TORCH)
    ]
    assert len(names) > len(WITHOUT_TORCH)
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        "    assert 'torch' not in sys.modules, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def plant(root: Path, files: dict[str, str]) -> Path:
    """Write modules into a small house of the same plan."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("check", "files"),
    [
        (upward_imports, {"vos/masks/io.py": "from vos.video.reader import Frame\n"}),
        (upward_imports, {"vos/masks/io.py": "def f():\n    from vos.cli import main\n"}),
        (upward_imports, {"vos/masks/io.py": "import pretrain.train\n"}),
        (upward_imports, {"pretrain/data/crops.py": "from vos.video.reader import Frame\n"}),
        (upward_imports, {"pretrain/losses/dino.py": "from pretrain.train import train\n"}),
        (upward_imports, {"benchmarks/davis/davis.py": "from vos.cli.evaluate import Evaluate\n"}),
        (upward_imports, {"benchmarks/davis/davis.py": "from pretrain.train import train\n"}),
        (upward_imports, {"benchmarks/reporting/html.py": "import benchmarks.davis.davis\n"}),
        (homeless, {"vos/helpers.py": ""}),
        (crossing_private_names, {"vos/cli/demo.py": "from vos.masks.io import _read_npy\n"}),
        (circles, {"vos/masks/a.py": "import vos.masks.b", "vos/masks/b.py": "import vos.masks.a"}),
        (large_things, {"vos/masks/a.py": "x = 1\n" * 321}),
        (large_things, {"vos/masks/a.py": "def f():\n" + "    x = 1\n" * 60}),
        (large_things, {f"vos/masks/m{n}.py": "" for n in range(13)}),
    ],
)  # fmt: skip
def test_a_planted_breach_is_found(tmp_path, check, files):
    assert check(plant(tmp_path, files))
    assert not check(plant(tmp_path / "empty", {"vos/masks/ids.py": "from vos.errors import E\n"}))
