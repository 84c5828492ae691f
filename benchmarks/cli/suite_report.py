"""The report of several benchmarks: one table, then each one's figures beside the published."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.reporting import html
from benchmarks.reporting.run_files import RESULTS, RUN, TABLE
from benchmarks.reporting.tables.formats import as_text
from benchmarks.reporting.tables.layout import Table, table_of
from benchmarks.reporting.tables.run_rows import read_groups
from vos.errors import InputError
from vos.files import atomic_path

REPORT = "report.html"


def write_report(out: Path, names: Sequence[str], states: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one page of all runs: one table, each one's figures beside the published, how it ran.

    The table is written to table.md, too, as `vos-bench table` writes it.
    """
    complete = [name for name in names if states[name]["state"] == "complete"]
    parts = [html.heading("Benchmarks", f"{len(complete)} of {len(names)} runs complete")]
    table = _table([out / name for name in complete])
    (out / TABLE).unlink(missing_ok=True)
    if table is not None:
        parts.append(html.section("All runs", _shown(table)))
        with atomic_path(out / TABLE) as beside:
            beside.write_text(as_text(table, "markdown"), encoding="utf-8")
    for name in names:
        folder = out / name
        state = states[name]
        shown = _section(folder, state) if state["state"] == "complete" else [
            html.paragraph(f"This run failed with status {state['status']}.", "note")
        ]  # fmt: skip
        command = {"command": shlex.join(["vos-bench", *state["arguments"]])}
        parts.append(html.section(name, *shown, html.settings_table(command)))
    html.write_page(out / REPORT, "Benchmarks", parts)


def _table(folders: Sequence[Path]) -> Table | None:
    """Return one table of the runs that leave figures, None where none does."""
    known = []
    for folder in folders:
        with contextlib.suppress(InputError):  # a benchmark of speed, or a truth that is withheld
            read_groups([folder], published=False)
            known.append(folder)
    return table_of(read_groups(known, published=False)) if known else None


def _shown(table: Table) -> str:
    labels = [f"{g.label.split(':')[0]} {column}" for g in table.groups for column in g.columns]
    rows = [
        [row.name, *("" if f is None else f"{f.value:.1f}" for f in row.figures)]
        for row in table.rows
    ]
    return html.table(["", *labels], rows)


def _section(folder: Path, state: Mapping[str, Any]) -> list[str]:
    results, run = read_object(folder / RESULTS), read_object(folder / RUN)
    parts = []
    published = results.get("published")
    if published is not None:
        source = f"{published['label']}, published: {published['title']}. This run: "
        parts.append(html.paragraph(source + f"{results['data']}.", "faint"))
        rows = [(row["name"], row["figures"]) for row in results["rows"]]
        rows += [(name, figures) for name, figures in published["rows"]]
        texts = [[name, *("" if f is None else f"{f:.1f}" for f in figures)]
                 for name, figures in rows]  # fmt: skip
        parts.append(html.table(["", *published["columns"]], texts, range(len(results["rows"]))))
    elif "global" in results:
        figures = {name: f"{100 * value:.1f}" for name, value in results["global"].items()}
        parts.append(html.tiles(figures))
    if (folder / REPORT).is_file():
        link = f"{quote(folder.name)}/{REPORT}"
        parts.append(f'<p><a href="{link}">The whole report of this run</a></p>')
    machines = [m.get("device") for m in run.get("machines", []) if isinstance(m, dict)]
    about = {"seconds": state["seconds"], "machines": machines, "revision": run.get("revision")}
    return [*parts, html.settings_table(about)]


def read_object(path: Path) -> dict[str, Any]:
    """Return a file's JSON object; an empty one where there is none."""
    with contextlib.suppress(OSError, ValueError):
        contents = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(contents, dict):
            return contents
    return {}
