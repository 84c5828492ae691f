"""A table as Markdown, LaTeX (booktabs) or CSV."""

from __future__ import annotations

import csv
import io
from typing import Literal

from benchmarks.reporting.tables.layout import Table
from benchmarks.reporting.tables.run_rows import Figure

TableFormat = Literal["markdown", "latex", "csv"]
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "δ": r"$\delta$",
}  # fmt: skip


def as_text(table: Table, form: TableFormat) -> str:
    """Return the table in a format, ending in a line break; the best of a column is bold."""
    return {"markdown": _markdown, "latex": _latex, "csv": _csv}[form](table)


def _markdown(table: Table) -> str:
    headers = [
        f"{group.label.split(':')[0]} {column}" if len(table.groups) > 1 else column
        for group in table.groups
        for column in group.columns
    ]
    lines = ["| | " + " | ".join(map(_in_markdown, headers)) + " |"]
    lines.append("|---|" + "---:|" * len(headers))
    for row in table.rows:
        cells = []
        for number, figure in enumerate(row.figures):
            text = _shown(figure)
            if figure is not None and round(figure.value, 1) == table.best(number):
                text = f"**{text}**"
            low_high = "" if figure is None or figure.interval is None else _range(figure.interval)
            cells.append(text + (f" ({low_high})" if low_high else ""))
        lines.append(f"| {_in_markdown(row.name)} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *map(_in_markdown, _notes(table))]) + "\n"


def _latex(table: Table) -> str:
    columns = table.columns
    lines = [f"% {note}" for note in _notes(table)]
    lines += [r"\begin{tabular}{l" + "r" * len(columns) + "}", r"\toprule"]
    if len(table.groups) > 1:
        spans = [
            rf"\multicolumn{{{len(g.columns)}}}{{c}}{{{in_latex(g.label.split(':')[0])}}}"
            for g in table.groups
        ]
        lines.append(" & " + " & ".join(spans) + r" \\")
    lines += [" & " + " & ".join(map(in_latex, columns)) + r" \\", r"\midrule"]
    was_published = False
    for number, row in enumerate(table.rows):
        if row.is_published and not was_published and number:
            lines.append(r"\midrule")
        was_published = row.is_published
        cells = []
        for column, figure in enumerate(row.figures):
            text = _shown(figure)
            if figure is not None and round(figure.value, 1) == table.best(column):
                text = rf"\textbf{{{text}}}"
            if figure is not None and figure.interval is not None:
                text += rf" {{\scriptsize ({in_latex(_range(figure.interval))})}}"
            cells.append(text)
        lines.append(f"{in_latex(row.name)} & " + " & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = ["name", "kind"]
    for group in table.groups:
        for column in group.columns:
            name = f"{group.label}: {column}"
            header += [name, f"{name}, low", f"{name}, high"]
    writer.writerow(header)
    for row in table.rows:
        cells: list[str] = [row.name, "published" if row.is_published else "run"]
        for figure in row.figures:
            low, high = ("", "")
            if figure is not None and figure.interval is not None:
                low, high = (f"{value:.4f}" for value in figure.interval)
            cells += ["" if figure is None else f"{figure.value:.4f}", low, high]
        writer.writerow(cells)
    return text.getvalue()


def _notes(table: Table) -> list[str]:
    notes = table.notes()
    if any(figure and figure.interval for row in table.rows for figure in row.figures):
        notes.append("In brackets: 95 % bootstrap intervals over the sequences.")
    return notes


def _shown(figure: Figure | None) -> str:
    return "" if figure is None else f"{figure.value:.1f}"


def _range(interval: tuple[float, float]) -> str:
    return ", ".join(f"{value:.1f}" for value in interval)


def _in_markdown(text: str) -> str:
    return text.replace("|", r"\|")


def in_latex(text: str) -> str:
    """Return a text with LaTeX's own characters escaped."""
    return "".join(_LATEX.get(character, character) for character in text)
