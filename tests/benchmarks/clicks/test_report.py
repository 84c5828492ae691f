from benchmarks.clicks.report import write_report
from benchmarks.clicks.results import figures_of


def test_a_page_shows_methods_sequences_and_published_rows(tmp_path):
    rows = [{"overlaps": [0.5, 0.95], "seconds": 1.0, "ready_seconds": 0.2}]
    figures = figures_of(rows, 20)
    results = {
        "data": "two sequences",
        "methods": {"own <method>": figures},
        "by_sequence": {"bear": {"own <method>": figures}},
        "rows": [{"name": "own <method>", "figures": [2.0, 2.0]}],
    }
    run = {
        "written": "now", "command": ["vos-bench", "clicks"], "revision": "abc", "versions": {},
        "machines": [], "settings": {"measurement": {"every": 10}},
    }  # fmt: skip
    write_report(tmp_path / "report.html", run=run, results=results)
    page = (tmp_path / "report.html").read_text()
    assert "own &lt;method&gt;" in page and "<td>bear</td>" in page and "RITM" in page
    assert "<svg" in page or "image/svg+xml" in page
