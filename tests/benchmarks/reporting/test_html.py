from benchmarks.reporting import html as html_parts


def test_text_is_escaped_and_nested_settings_are_written_out():
    assert "&lt;b&gt;" in html_parts.paragraph("<b>")
    shown = html_parts.settings_table({"a": {"x": [1, 2]}, "b": None})
    assert "x 1, 2" in shown
    assert ">none<" in shown
