from tests.data.point_runs import load, run_verb


def test_a_run_scores_near_100(badja):
    _, out = badja
    results = load(out / "results.json")
    assert results["global"]["PCK-T"] > 0.95
    assert results["results"]["scored"] == {"bear": 20, "cows": 20}
    assert "PIPs" in (out / "table.md").read_text()
    report = (out / "report.html").read_text()
    assert report.count("data:image/jpeg;base64,") == 2  # one scored frame a video
    assert load(out / "run.json")["settings"]["propagation"]["channel_order"] == "bgr"


def test_the_videos_that_are_missing_are_named(badja, tmp_path, capsys):
    assert run_verb("badja", badja[0], tmp_path / "out") == 2
    assert "horsejump-low.json" in capsys.readouterr().err
