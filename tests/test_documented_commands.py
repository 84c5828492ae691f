"""Every command on the pages is one that the programs take: verb, options, values.

The commands are parsed and not run. Pages name files that are not there, and inputs by words in
capital letters.
"""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from tools.docs_reference import COPIES, commands_page
from vos.cli.verbs import parse

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {"docs/commands.md", *(f"docs/{name}" for name in COPIES)}
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "*/README.md")
    for path in ROOT.glob(pattern)
    if path.relative_to(ROOT).as_posix() not in GENERATED
)
PACKAGES = {"vos": "vos", "vos-pretrain": "pretrain", "vos-bench": "benchmarks"}
MODULES = {package: program for program, package in PACKAGES.items()}
COMMAND = re.compile(
    r"vos(?:-pretrain|-bench)? [a-z].*"
    r"|torchrun (?!.*\.\.\.).*-m (?:vos|pretrain|benchmarks) .*"
    r"|torchrun --no-python (?!.*\.\.\.).* vos(?:-pretrain|-bench)? .*"
)


def commands_in(text):
    """Give the commands of a page: those in blocks of code, and those in cells of tables."""
    in_fence = False
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if re.match(r" *```", line):
            in_fence = not in_fence
        elif in_fence or line.startswith("    "):
            command = COMMAND.fullmatch(line.strip())
            if command:
                yield command[0]
        elif line.startswith("|"):
            for code in re.findall(r"`([^`]+)`", line):
                if COMMAND.fullmatch(code) and " -" in code:
                    yield code


def words_of(command):
    """Return the program and its arguments, without comments and what comes after a pipe."""
    words = shlex.split(command, comments=True)
    if words[:2] == ["torchrun", "--no-python"]:
        words = words[min(words.index(program) for program in PACKAGES if program in words) :]
    elif words[0] == "torchrun":
        module = words.index("-m") + 1
        words = [MODULES[words[module]], *words[module + 1 :]]
    ends = [n for n, word in enumerate(words) if word in {"|", ">", "&&", ";", "&"}]
    return words[0], words[1 : min(ends, default=len(words))]


def parsed(program, arguments):
    table = importlib.import_module(f"{PACKAGES[program]}.cli")
    verbs = {verb.name: verb for verb in table.VERBS}
    if program == "vos-pretrain":
        verbs = {verb.name: verb for verb in table.verbs(table.preset_in(arguments))}
    assert arguments[0] in verbs, f"{program} has no verb {arguments[0]}"
    verb = verbs[arguments[0]]
    return parse(program, verb.load_for(arguments[1:]), arguments[1:])


TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in PAGES}
TEXTS["examples of --help"] = commands_page()
COMMANDS = sorted({(page, command) for page in TEXTS for command in commands_in(TEXTS[page])})


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_documented_command_is_understood(page, command, capsys):
    program, arguments = words_of(command)
    try:
        parsed(program, arguments)
    except SystemExit as stop:
        assert stop.code == 0, f"{page}: {capsys.readouterr().err}"  # --help


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("```\nvos segment a.mp4 \\\n    -o out\n```\nvos is a word", ["vos segment a.mp4 -o out"]),
        ("1. Do:\n\n        vos doctor\n", ["vos doctor"]),
        ("| `vos-bench davis --data D` | `vos segment` |", ["vos-bench davis --data D"]),
        ("```python\nvos.evaluate()\n```", []),
    ],
)
def test_commands_are_taken_from_a_page(text, commands):
    assert list(commands_in(text)) == commands


def test_a_wrong_option_is_noticed(capsys):
    with pytest.raises(SystemExit) as stop:
        parsed(*words_of("vos segment a.mp4 --mask b.png -o out --no-such-option  # a comment"))
    assert stop.value.code == 2
