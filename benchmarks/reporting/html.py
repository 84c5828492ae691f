"""Pages of one file: HTML with its pictures inside, nothing from the network."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vos.files import atomic_path

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_DIGEST = re.compile(r"\b([0-9a-f]{40,128})\b")  # a revision's, a file's
_DIGEST_SHOWN = 12
_STYLE = """
:root { --ink: #1d2733; --faint: #5b6875; --line: #d9dfe5; --mark: #eaf2fb; --blue: #1f5fa8; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink);
  margin: 0 auto; padding: 28px 32px 60px; max-width: 1180px; background: #fff; }
h1, h2, h3, p { overflow-wrap: anywhere; }
h1 { font-size: 26px; margin: 0 0 2px; }
h2 { font-size: 19px; margin: 40px 0 10px; padding-bottom: 5px;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 15px; margin: 20px 0 8px; }
p { margin: 6px 0; max-width: 80ch; }
.faint { color: var(--faint); }
.note { border-left: 4px solid #c98a1b; background: #fdf6e7; padding: 8px 12px; margin: 12px 0; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0; }
.tile { border: 1px solid var(--line); border-radius: 6px; padding: 10px 16px; min-width: 110px; }
.tile b { display: block; font-size: 26px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--faint); font-size: 13px; }
.tile.main { background: var(--mark); border-color: #b9d2ee; }
.tile.main b { color: var(--blue); }
table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--faint); font-weight: 600; font-size: 13px; }
td.number, th.number { text-align: right; }
tr.ours td { background: var(--mark); font-weight: 600; }
tr.ours td:first-child, td:first-child, th:first-child { padding-left: 8px; }
td.key { color: var(--faint); white-space: nowrap; }
td.value { overflow-wrap: anywhere; font-family: ui-monospace, "DejaVu Sans Mono", monospace;
  font-size: 13px; }
.wide { overflow-x: auto; }
.grid { display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fill, minmax(min(440px, 100%), 1fr)); }
.grid > * { min-width: 0; }
figure { margin: 0; }
figure img { width: 100%; height: auto; display: block; }
figcaption { font-size: 13px; color: var(--faint); margin-top: 3px; }
@media (max-width: 640px) {
  body { padding: 14px 12px 40px; }
  .tile { flex: 1 1 40%; }
  td.key { white-space: normal; }
}
"""


def write_page(path: str | Path, title: str, parts: Iterable[str]) -> None:
    """Write a page, whole or not at all."""
    body = "\n".join(parts)
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")


def heading(title: str, under: str) -> str:
    """Return the page's heading with a line under it."""
    return f'<h1>{escape(title)}</h1>\n<p class="faint">{escape(under)}</p>'


def section(title: str, *parts: str) -> str:
    """Return a section."""
    return f"<h2>{escape(title)}</h2>\n" + "\n".join(parts)


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph; kind is `note` or `faint`."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def tiles(figures: Mapping[str, str]) -> str:
    """Return a row of figures with their names, the first one set off."""
    boxes = [
        f'<div class="tile{"" if i else " main"}"><b>{escape(value)}</b>'
        f"<span>{escape(name)}</span></div>"
        for i, (name, value) in enumerate(figures.items())
    ]
    return f'<div class="tiles">{"".join(boxes)}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], ours: Iterable[int] = ()) -> str:
    """Return a table: the first column is text, the others are numbers; rows of `ours` set off."""
    marked = set(ours)
    head = "".join(_cell("th", text, i > 0) for i, text in enumerate(columns))
    lines = []
    for number, row in enumerate(rows):
        cells = "".join(_cell("td", text, i > 0) for i, text in enumerate(row))
        lines.append(f"<tr{' class=ours' if number in marked else ''}>{cells}</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(lines)}</table></div>'


def _cell(tag: str, text: str, number: bool) -> str:
    kind = ' class="number"' if number else ""
    return f"<{tag}{kind}>{_short_digests(text)}</{tag}>"


def settings_table(settings: Mapping[str, Any]) -> str:
    """Return names and values in two columns."""
    rows = [
        f'<tr><td class="key">{_short_digests(name)}</td>'
        f'<td class="value">{_short_digests(_text(value))}</td></tr>'
        for name, value in settings.items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _short_digests(text: str) -> str:
    """Return a text as HTML in which a digest is its beginning, with all of it in the title."""
    parts = _DIGEST.split(text)
    parts[::2] = [escape(part) for part in parts[::2]]
    parts[1::2] = [
        f'<span title="{digest}">{digest[:_DIGEST_SHOWN]}…</span>' for digest in parts[1::2]
    ]
    return "".join(parts)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(v) for v in value)
    return "none" if value is None else str(value)


def grid(figures: Iterable[str]) -> str:
    """Return figures side by side as the width allows."""
    return f'<div class="grid">{"".join(figures)}</div>'


def plot(figure: Figure, description: str) -> str:
    """Return a plot, as vector graphics; the description is for readers that do not see it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _embedded(buffer.getvalue(), "image/svg+xml", description, "")


def picture(image: NDArray[np.uint8], caption: str, quality: int = 85) -> str:
    """Return an RGB picture (H, W, 3) as JPEG with a caption."""
    import cv2

    parameters = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), parameters)
    return _embedded(data.tobytes(), "image/jpeg", caption, caption)


def _embedded(data: bytes, kind: str, description: str, caption: str) -> str:
    code = base64.b64encode(data).decode("ascii")
    under = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    source = f"data:{kind};base64,{code}"
    return f'<figure><img alt="{escape(description)}" src="{source}">{under}</figure>'
