"""Write the generated pages of the documentation: `python -m tools.docs_reference docs`.

The page of every verb and option is made of what `--help` prints, so it comes from the code alone.
The pages of the benchmarks, of pretraining and of changes are files that lie elsewhere.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import io
import os
import re
import sys
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path

from vos.cli.verbs import Verb, run_verbs

PROGRAMS = {"vos": "vos", "vos-pretrain": "pretrain", "vos-bench": "benchmarks"}
"""Each program's package."""
COPIES = {
    "benchmarks.md": "benchmarks/README.md",
    "pretraining.md": "pretrain/README.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages that are files of the checkout."""
_ROOT = Path(__file__).resolve().parent.parent
_COLUMNS = 100  # wider ones are split in two
_RULE = re.compile(r" *-{9,}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages into the folder named, and return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len(words) != 1 or not Path(words[0]).is_dir():
        print("usage: python -m tools.docs_reference FOLDER", file=sys.stderr)
        return 2
    folder = Path(words[0])
    (folder / "commands.md").write_text(commands_page(), encoding="utf-8")
    for name, source in COPIES.items():
        text = (_ROOT / source).read_text(encoding="utf-8")
        for page, place in COPIES.items():
            text = text.replace(f"](../{place})", f"]({page})")
        (folder / name).write_text(text, encoding="utf-8")
    return 0


def commands_page() -> str:
    """Return the page of every verb: its `--help`, under a heading."""
    parts = [
        "# Every verb and option",
        "This page is made of what `--help` prints. `python -m vos`, `python -m pretrain` and "
        "`python -m benchmarks` are the same programs.",
    ]
    for program, package in PROGRAMS.items():
        table: Sequence[Verb] = importlib.import_module(f"{package}.cli").VERBS
        parts.append(f"## {program}")
        for verb in table:
            for words in command_lines(verb):
                parts.append(f"### {' '.join((program, *words))}")
                parts.append(as_markdown(help_text(program, table, words)))
    return "\n\n".join(parts) + "\n"


def command_lines(verb: Verb) -> Iterator[tuple[str, ...]]:
    """Give the words that lead to a verb, and to the verbs in it."""
    yield (verb.name,)
    for hint in typing.get_type_hints(verb.load(), include_extras=True).values():
        for arm in typing.get_args(hint):
            chosen, *marks = typing.get_args(arm) or (None,)
            names = [mark.name for mark in marks if getattr(mark, "name", None)]
            if names and dataclasses.is_dataclass(chosen):
                yield (verb.name, names[0])


def help_text(program: str, table: Sequence[Verb], words: Sequence[str]) -> str:
    """Return what a verb's `--help` prints."""
    printed = io.StringIO()
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(_COLUMNS)
    try:
        with contextlib.redirect_stdout(printed):
            run_verbs(program, "", table, [*words, "--help"])
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    return printed.getvalue()


def as_markdown(text: str) -> str:
    """Return a help text as Markdown: the usage, the description, and a list for each group."""
    groups: list[list[str]] = [[]]
    for line in map(str.rstrip, text.strip().splitlines()):
        if _RULE.fullmatch(line) and line.startswith(" -"):  # below the title of a group
            groups.append([groups[-1].pop().strip()])
        else:
            groups[-1].append(line)
    parts = [_introduction(groups[0])]
    parts += [
        f"**{title}**\n\n{_items(lines)}"
        for title, *lines in groups[1:]
        if title != "subcommands"  # they have headings of their own
    ]
    return "\n\n".join(parts)


def _introduction(lines: Sequence[str]) -> str:
    usage, *paragraphs = "\n".join(lines).strip().split("\n\n")
    parts = [f"```text\n{usage}\n```"]
    for paragraph in paragraphs:
        _, example, command = paragraph.partition("Example: ")
        parts.append(f"```\n{command.strip()}\n```" if example else _escaped(paragraph))
    return "\n\n".join(parts)


def _items(lines: Sequence[str]) -> str:
    """Return the options of a group as list items, a sentence about the group above them."""
    above: list[str] = []
    items: list[tuple[str, list[str]]] = []
    for line in filter(str.strip, lines):
        head, _, rest = line.strip().replace("{None}|", "").partition("  ")
        if _RULE.fullmatch(line):  # what came before is about the group
            above, items = [words for head, rest in items for words in (head, *rest)], []
        elif line[:3].rstrip() and line.startswith("  "):
            items.append((head, [rest.strip()]))
        else:
            items[-1][1].append(line.strip())
    listed = [f"- `{head}`: {_escaped(' '.join(filter(None, rest)))}" for head, rest in items]
    return "\n".join([*([_escaped(" ".join(filter(None, above))), ""] if above else []), *listed])


def _escaped(text: str) -> str:
    """Return a text in which Markdown sees no marks but those of code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\*_\[\]<>])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    sys.exit(main())
