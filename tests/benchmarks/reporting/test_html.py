import re

from benchmarks.reporting import html as html_parts


def test_text_is_escaped_and_nested_settings_are_written_out():
    assert "&lt;b&gt;" in html_parts.paragraph("<b>")
    shown = html_parts.settings_table({"a": {"x": [1, 2]}, "b": None})
    assert "x 1, 2" in shown
    assert ">none<" in shown


def test_digests_are_short_and_whole_in_the_title():
    digest = "0123456789abcdef" * 4
    for shown in (
        html_parts.settings_table({"backbone": {"sha256": digest}, "revision": digest[:40]}),
        html_parts.table(["", "file"], [["<a>", f"weights {digest}"]]),
    ):
        assert f'<span title="{digest}">0123456789ab…</span>' in shown
        assert f">{digest}" not in shown
        assert digest not in re.sub(r'title="\w+"', "", shown)
    assert html_parts.settings_table({"a": "0123456789abcdef"}).count("0123456789abcdef") == 1
