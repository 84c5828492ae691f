"""Several runs in one table: rows, intervals, the best figure, and the three formats."""

import csv
import io
import json
import re
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from benchmarks.clicks.results import results_of
from benchmarks.reporting.published_points import JHMDB
from benchmarks.reporting.tables.formats import as_text, in_latex
from benchmarks.reporting.tables.layout import table_of
from benchmarks.reporting.tables.run_rows import read_groups
from tests.data.davis import bench
from tests.data.davis_runs import write_run
from vos.errors import InputError

SCORES = {f"s{i:02d}": [0.5, 0.6 + i / 300] if i else [0.5, 0.6, 0.7] for i in range(30)}
"""As many sequences and objects as DAVIS 2017 val has."""


def davis_run(folder, scores=None, **backbone):
    """Write a run whose figures are the means over its objects."""
    write_run(folder, scores or SCORES)
    results = json.loads((folder / "results.json").read_text())
    objects = [score for sequence in results["sequences"] for score in sequence["objects"]]
    for metric in ("J&F-Mean", "J-Mean", "F-Mean"):
        results["global"][metric] = sum(score[metric] for score in objects) / len(objects)
    (folder / "results.json").write_text(json.dumps(results))
    settings = json.loads((folder / "run.json").read_text())
    settings["settings"]["backbone"].update(backbone)
    (folder / "run.json").write_text(json.dumps(settings))
    return folder


def joint_run(folder, name="small", data="JHMDB, split 1, 268 videos", **weights):
    folder.mkdir()
    results = {
        "state": "complete",
        "data": data,
        "rows": [{"name": name, "figures": [45.0, 70.5]}],
        "published": asdict(JHMDB),
        "sequences": [
            {"name": "a", "objects": [{"name": "a", "PCK@0.1": 0.4, "PCK@0.2": 0.9}]},
            {"name": "b", "objects": [{"name": "b", "PCK@0.1": 0.5, "PCK@0.2": 0.1}]},
        ],
    }
    (folder / "results.json").write_text(json.dumps(results))
    about = {"name": name, **weights}
    (folder / "run.json").write_text(json.dumps({"settings": {"backbone": about}}))
    return folder


def table(*folders, published=True):
    return table_of(read_groups(folders, published=published))


def test_one_backbone_on_two_benchmarks_is_one_row(tmp_path):
    made = table(davis_run(tmp_path / "d"), joint_run(tmp_path / "j"))
    assert made.columns == ("J&F", "J", "F", "PCK@0.1", "PCK@0.2")
    runs = [row for row in made.rows if not row.is_published]
    assert [row.name for row in runs] == ["small"]
    assert [round(figure.value, 1) for figure in runs[0].figures][3:] == [45.0, 70.5]
    listed = {row.name: row.figures for row in made.rows if row.is_published}
    assert listed["DINO ViT-S/8"][0].value == 69.9
    assert listed["SiamMAE ViT-S/16"][3].value == 47.0
    assert listed["SiamMAE ViT-S/16"][0] is None


def test_only_means_over_objects_have_intervals(tmp_path):
    first = table(davis_run(tmp_path / "d"), joint_run(tmp_path / "j")).rows[0]
    for figure in first.figures[:3]:
        low, high = figure.interval
        assert low < figure.value < high
    assert first.figures[3].interval == (40.0, 50.0)
    assert first.figures[4].interval is None  # 70.5 is not the mean of 90 and 10


def test_backbones_of_one_name_and_runs_of_one_backbone_are_told_apart(tmp_path):
    a = davis_run(tmp_path / "a", sha256="1")
    others = davis_run(tmp_path / "b", sha256="1"), joint_run(tmp_path / "c", sha256="2")
    made = table(a, *others, published=False)
    assert [row.name for row in made.rows] == ["small (a)", "small (b)", "small (c)"]


def test_published_rows_are_for_the_same_data_alone(tmp_path):
    part = davis_run(tmp_path / "part", {"s1": [0.5], "s2": [0.6]})
    other = joint_run(tmp_path / "j", data="JHMDB, 2 videos of 268, so ... do not compare")
    made = table(part, other)
    assert not any(row.is_published for row in made.rows)
    assert all("not shown beside" in note for note in made.notes())
    whole = table(davis_run(tmp_path / "whole"), part)
    assert len(whole.groups) == 2  # of other data, so in columns of their own


def test_markdown_has_the_best_in_bold(tmp_path):
    text = as_text(table(davis_run(tmp_path / "d")), "markdown")
    assert "| | J&F | J | F |" in text
    assert "| STM, supervised for the task | **81.8** | **79.2** | **84.3** |" in text
    assert re.search(r"\| small \| 67\.6 \(67\.\d, 68\.\d\) \|", text)
    alone = as_text(table(davis_run(tmp_path / "e"), published=False), "markdown")
    assert "| small | **67.6** (67." in alone
    assert "In brackets: 95 % bootstrap intervals" in text


def test_latex_has_as_many_cells_as_columns_and_closed_braces(tmp_path):
    text = as_text(table(davis_run(tmp_path / "d"), joint_run(tmp_path / "j_1&2")), "latex")
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    for line in body:
        plain = line.replace(r"\&", "")
        spans = [int(n) - 1 for n in re.findall(r"\\multicolumn\{(\d+)\}", plain)]
        assert plain.count("&") + sum(spans) == 5, line
        assert plain.count("{") == plain.count("}")
    for line in text.splitlines():
        if not line.startswith("%"):
            assert not re.search(r"(?<!\\)[%#_$]", line), line
    assert text.count(r"\begin{tabular}{lrrrrr}") == text.count(r"\end{tabular}") == 1
    assert r"\textbf{81.8}" in text
    assert text.count(r"\midrule") == 2


def test_latex_escapes_its_own_characters():
    assert in_latex(r"a_b & 50% {x} \y δ") == (r"a\_b \& 50\% \{x\} \textbackslash{}y $\delta$")


def test_csv_has_limits_in_columns_of_their_own(tmp_path):
    rows = list(csv.reader(io.StringIO(as_text(table(davis_run(tmp_path / "d")), "csv"))))
    assert rows[0][:2] == ["name", "kind"]
    assert rows[0][3].endswith("J&F, low")
    assert {len(row) for row in rows} == {2 + 3 * 3}
    assert rows[1][:2] == ["small", "run"]
    assert float(rows[1][3]) < float(rows[1][2]) < float(rows[1][4])


def test_the_verb_writes_by_the_ending(tmp_path, capsys):
    run = davis_run(tmp_path / "d")
    assert bench("table", run) == 0
    assert capsys.readouterr().out.startswith("| | J&F")
    assert bench("table", run, "-o", tmp_path / "t.tex") == 0
    assert r"\toprule" in (tmp_path / "t.tex").read_text()
    assert bench("table", run, "--no-published", "--format", "csv", "-o", tmp_path / "t.txt") == 0
    assert "published" not in (tmp_path / "t.txt").read_text()


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        (None, "no finished run of vos-bench"),
        ({"state": "failed"}, "the run's state is 'failed', so it has no figures"),
        ({"state": "not scored"}, "so it has no figures"),
        ({"state": "complete"}, "is not that of a benchmark's run"),
    ],
)
def test_what_is_no_run_is_named(tmp_path, contents, text):
    if contents is not None:
        (tmp_path / "results.json").write_text(json.dumps(contents))
        (tmp_path / "run.json").write_text(json.dumps({"settings": {}}))
    with pytest.raises(InputError, match=text):
        read_groups([tmp_path], published=True)


def test_a_run_is_given_once(tmp_path):
    run = davis_run(tmp_path / "d")
    with pytest.raises(InputError, match="given twice"):
        read_groups([run, tmp_path / "." / "d"], published=True)
    assert bench("table") == 2


def test_the_fewest_clicks_are_best_and_stand_beside_no_published_ones(tmp_path):
    """Published clicks are of all of DAVIS, which no run of a part can be set beside."""
    rows = [{"name": "ours", "figures": [7.2, 11.7]}, {"name": "grabCut", "figures": [16.6, 19.0]}]
    records = [{"name": "a", "rows": [click_row("ours"), click_row("grabCut")]}]
    dataset = SimpleNamespace(name="DAVIS 2017", subset="val", sequences=(1,))
    settings = {"measurement": {"most": 20, "every": 10}, "backbone": {"name": "small"}}
    results = {**results_of(dataset, settings, records), "rows": rows}
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "results.json").write_text(json.dumps(results))
    (tmp_path / "c" / "run.json").write_text(json.dumps({"settings": settings}))
    made = table(tmp_path / "c")
    assert [made.best(column) for column in (0, 1)] == [7.2, 11.7]
    assert not any(row.is_published for row in made.rows)


def click_row(method):
    """What a run of clicks keeps of an object and a method."""
    return {"method": method, "overlaps": [0.5, 0.9], "seconds": 1.0, "ready_seconds": 0.1}


def test_weights_that_have_moved_are_the_same(tmp_path):
    runs = [
        joint_run(tmp_path / place, data=data, sha256="1f", source=f"/{place}/w.pth")
        for place, data in (("a", "JHMDB, split 1"), ("b", "JHMDB, split 2"))
    ]
    assert sum(not row.is_published for row in table(*runs).rows) == 1
