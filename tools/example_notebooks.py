"""Write a notebook beside each example of docs/examples/: `python -m tools.example_notebooks`.

The script is what is edited. Its docstring becomes the text of the notebook, and each paragraph of
code a cell; a test sees to it that the two agree. A script that runs until it is stopped has none.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
_SERVICES = ("camera_service",)
"""Scripts that take a command line and run until a signal comes, which no notebook can show."""


def scripts_with_notebook() -> list[Path]:
    """Return the examples that a notebook is made of, in the order of their names."""
    return [path for path in sorted(EXAMPLES.glob("*.py")) if path.stem not in _SERVICES]


def notebook(script: str) -> str:
    """Return the notebook (nbformat 4.5) of a script as text.

    Args:
        script: the text of a script with a docstring.
    """
    tree = ast.parse(script)
    text = ast.get_docstring(tree) or ""
    title, _, rest = text.partition("\n")
    cells = [_cell(0, "markdown", f"# {title}\n{rest}".strip())]
    lines = script.splitlines()
    ends = [statement.end_lineno or 0 for statement in tree.body]
    begin = ends[0]
    for place, end in enumerate(ends[1:], start=1):
        is_last = place == len(ends) - 1
        if is_last or not lines[end].strip():  # a blank line behind the statement: a paragraph
            code = "\n".join(lines[begin:end]).strip("\n")
            begin = end
            cells.append(_cell(len(cells), "code", code))
    document = {
        "cells": _merged_imports(cells),
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _merged_imports(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make one cell of the paragraphs of imports at the beginning."""
    merged = cells[:1]
    for cell in cells[1:]:
        source = "".join(cell["source"])
        before = "".join(merged[-1]["source"]) if len(merged) > 1 else ""
        if len(merged) == 2 and _is_imports(before) and _is_imports(source):
            merged[-1] = _cell(1, "code", f"{before}\n\n{source}")
        else:
            merged.append({**cell, "id": f"cell{len(merged)}"})
    return merged


def _is_imports(source: str) -> bool:
    return all(isinstance(s, ast.Import | ast.ImportFrom) for s in ast.parse(source).body)


def _cell(number: int, kind: str, source: str) -> dict[str, Any]:
    lines = source.splitlines(keepends=True)
    cell: dict[str, Any] = {"cell_type": kind, "id": f"cell{number}", "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return {**cell, "source": lines}


def main() -> None:
    """Write all notebooks."""
    for path in scripts_with_notebook():
        path.with_suffix(".ipynb").write_text(notebook(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
