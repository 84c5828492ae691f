"""The generated pages: every verb and every option of it, in plain Markdown."""

import re

import pytest

from tests.test_public_surface import all_verbs, options_of
from tools.docs_reference import COPIES, PROGRAMS, as_markdown, commands_page, main


@pytest.fixture(scope="module")
def sections():
    """What stands under each heading of a verb."""
    parts = re.split(r"^### (.+)$", commands_page(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_verb_and_option_is_on_the_page(sections, program):
    verbs = {" ".join((program, *words)): verb for words, verb in all_verbs(program)}
    assert [name for name in sections if name.split()[0] == program] == list(verbs)
    for name, verb in verbs.items():
        heads = re.findall(r"^- `(.+?)`:", sections[name], re.MULTILINE)
        shown = {word for head in heads for word in re.findall(r"(?<![\w-])--?[a-z][\w-]*", head)}
        options = {option for names, _ in options_of(verb) for option in names}
        assert shown - {"-h", "--help"} == options, name


def test_every_section_says_what_the_verb_is_for(sections):
    for name, text in sections.items():
        assert f"```text\nusage: {name}" in text
        assert re.search(r"^[A-Z].*\.$", text, re.MULTILINE), name


def test_no_mark_of_the_terminal_is_left(sections):
    text = "".join(sections.values())
    assert not re.search(r"[│╭╰•\x1b]|-{9,}", text)
    assert not re.search(r" +$", text, re.MULTILINE)


def test_a_help_text_becomes_a_list():
    text = (
        "usage: vos cut [-h]\n\nCut <this>.\n\nExample: vos cut a.mp4\n\n"
        " options                \n ----------------------\n"
        "  Of all cuts.\n  ----------------------\n"
        "  --at {None}|INT       The frame. (default: None)\n"
        "  --a-long-name, --no-a-long-name\n"
        "                        Two\n                        lines.\n"
    )
    assert as_markdown(text) == (
        "```text\nusage: vos cut [-h]\n```\n\nCut \\<this\\>.\n\n```\nvos cut a.mp4\n```\n\n"
        "**options**\n\nOf all cuts.\n\n- `--at INT`: The frame. (default: None)\n"
        "- `--a-long-name, --no-a-long-name`: Two lines."
    )


def test_the_pages_are_written_with_links_among_them(tmp_path):
    assert main([str(tmp_path)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["commands.md", *COPIES])
    for name in COPIES:
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (tmp_path / name).read_text("utf-8"))
        assert [link for link in links if not (tmp_path / link).exists()] == []


def test_no_folder_is_a_usage_error(tmp_path, capsys):
    assert main([]) == 2
    assert main([str(tmp_path / "none")]) == 2
    assert "usage:" in capsys.readouterr().err
