"""Every module, file and folder of the project that a text names is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("vos", "pretrain", "benchmarks")
DOTTED = re.compile(rf"(?<![\w./-])((?:{'|'.join(PACKAGES)}|tests)(?:\.\w+)+)")
PATHS = re.compile(rf"(?<![\w/.~-])((?:{'|'.join(PACKAGES)}|tests|tools|docs)/[\w./*<>-]*)")
MARKDOWN_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)\)")


def texts(root: Path) -> Iterator[tuple[Path, str]]:
    """Give the project's texts: its Markdown pages, and the docstrings of its modules."""
    for path in sorted(
        [*root.glob("*.md"), *(f for p in PACKAGES for f in root.glob(f"{p}/*.md"))]
    ):
        if path.name != "CHANGELOG.md":  # tells of places as they were
            yield path, path.read_text(encoding="utf-8")
    for package in (*PACKAGES, "tests", "tools"):
        for path in sorted((root / package).rglob("*.py")):
            yield path, "\n".join(docstrings(ast.parse(path.read_text(encoding="utf-8"))))


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Give every string that stands alone: docstrings, also those of fields and constants."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text


def is_place(root: Path, dotted: str) -> bool:
    """Say whether a dotted name is a module, or a name defined in one, or a member of that."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        module, names = root.joinpath(*parts[:length]), parts[length:]
        file = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
        if file.is_file():
            return defines(ast.parse(file.read_text(encoding="utf-8")).body, names)
    return False


def defines(body: list[ast.stmt], names: list[str]) -> bool:
    """Say whether the first name is defined in a body, the second one in its body, and so on."""
    if not names:
        return True
    for node in body:
        match node:
            case ast.ClassDef(name=name, body=inner) | ast.FunctionDef(name=name, body=inner):
                known = name == names[0] and defines(inner, names[1:])
            case ast.Assign(targets=targets):
                known = names[0] in map(ast.unparse, targets)
            case ast.AnnAssign(target=target):
                known = names[0] == ast.unparse(target)
            case ast.ImportFrom(names=imported):
                known = names[0] in {alias.name for alias in imported}
            case ast.If(body=inner):  # TYPE_CHECKING
                known = defines(inner, names)
            case _:
                known = False
        if known:
            return True
    return False


def lost_places(root: Path) -> list[str]:
    """List the places that texts name and that are not there."""
    lost = []
    for path, text in texts(root):
        where = path.relative_to(root)
        for dotted in DOTTED.findall(text):
            if not is_place(root, dotted):
                lost.append(f"{where}: `{dotted}`")
        for name in PATHS.findall(text):
            if "<" not in name and not any(root.glob(name.rstrip("./"))):
                lost.append(f"{where}: {name}")
        if path.suffix == ".md":
            for name in MARKDOWN_LINK.findall(text):
                if not (path.parent / name).exists():
                    lost.append(f"{where}: link to {name}")
    return lost


def test_every_place_that_a_text_names_is_there():
    assert lost_places(ROOT) == []


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("`vos.masks.ids`", True),
        ("`vos.masks.ids.VOID`", True),
        ("`vos.masks.ids.Ids.empty` and vos.masks", True),
        ("vos/masks/ids.py, `vos/masks/`, vos/*/ids.py, vos/<wing>/", True),
        (
            "[ids](vos/masks/ids.py), [a page](https://example.org/vos/none.py), ../vos/none.py",
            True,
        ),
        ("`vos.masks.gone`", False),
        ("`vos.masks.ids.Ids.full`", False),
        ("`vos/masks/gone.py`", False),
        ("[gone](GONE.md)", False),
    ],
)
def test_a_lost_place_is_found(tmp_path, text, there):
    module = tmp_path / "vos" / "masks" / "ids.py"
    module.parent.mkdir(parents=True)
    module.write_text("VOID = 255\nclass Ids:\n    def empty(self): ...\n")
    for folder in (tmp_path / "vos", module.parent):
        (folder / "__init__.py").write_text("")
    (tmp_path / "README.md").write_text(text)
    assert (lost_places(tmp_path) == []) is there
    module.write_text(f'VOID = 255\nclass Ids:\n    """{text}"""\n    def empty(self): ...\n')
    (tmp_path / "README.md").unlink()
    assert (lost_places(tmp_path) == []) is (there or "](" in text)
