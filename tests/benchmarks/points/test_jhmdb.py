import json

from tests.data.davis import bench
from tests.data.point_runs import SMALL, load, run_verb
from tests.data.point_sets import make_jhmdb


def test_a_run_leaves_results_a_table_and_a_report(jhmdb, capsys):
    _, out = jhmdb
    results = load(out / "results.json")
    assert results["state"] == load(out / "run.json")["state"] == "complete"
    assert results["metrics"][:2] == ["PCK@0.1", "PCK@0.2"]
    assert results["global"]["PCK@0.1"] > 0.95
    assert {s["name"] for s in results["sequences"]} == {"wave/first", "wave/second"}
    assert results["results"]["joints"]["neck"]["scored"] == 6
    assert results["rows"][0]["figures"][0] > 95
    assert (out / "table.md").read_text().count("SiamMAE") == 2
    report = (out / "report.html").read_text()
    assert report.count("data:image/jpeg;base64,") == 6
    assert "PCK@0.1" in report and "2 videos; the published figures are of 268" in report
    assert "CRW" not in (out / "table.md").read_text()  # its figures are from memory


def test_published_settings_are_the_defaults_and_presets_change_them(jhmdb, tmp_path):
    data, out = jhmdb
    settings = load(out / "run.json")["settings"]
    assert (settings["propagation"]["n_last_frames"], settings["propagation"]["topk"]) == (20, 10)
    assert settings["points"]["strongest"] == 3
    other = tmp_path / "other"
    assert run_verb("jhmdb", data, other, "--preset", "siammae-jhmdb") == 0
    assert load(other / "run.json")["settings"]["points"]["strongest"] == 5
    assert bench("compare", out, other) == 0


def test_a_preset_for_masks_is_refused(jhmdb, tmp_path, capsys):
    assert run_verb("jhmdb", jhmdb[0], tmp_path / "out", "--preset", "siammae-vip") == 2
    assert "those for points are" in capsys.readouterr().err


def test_a_missing_file_is_said_before_anything_is_loaded(tmp_path, capsys):
    data = make_jhmdb(tmp_path / "JHMDB", frames=2)
    (data / "joint_positions/wave/first/joint_positions.mat").unlink()
    assert run_verb("jhmdb", data, tmp_path / "out") == 2
    printed = capsys.readouterr()
    assert "wave/first: no file" in printed.err and "Download" in printed.err
    assert not (tmp_path / "out").exists()


def test_the_suite_shows_it_beside_the_published_figures(jhmdb, tmp_path):
    data, out = jhmdb
    options = dict(zip((k.removeprefix("--") for k in SMALL[::2]), SMALL[1::2], strict=True))
    plan = {"runs": [{"verb": "jhmdb", "data": str(data), **options}]}
    (tmp_path / "runs.json").write_text(json.dumps(plan))
    assert bench("all", "--config", tmp_path / "runs.json", "-o", tmp_path / "all") == 0
    report = (tmp_path / "all" / "report.html").read_text()
    assert "Spa-then-Temp ResNet-18" in report and 'href="jhmdb/report.html"' in report
    assert load(tmp_path / "all/jhmdb/results.json")["rows"] == load(out / "results.json")["rows"]
