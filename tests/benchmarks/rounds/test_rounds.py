import json

import pytest

from tests.data.davis import bench, make_davis

OPTIONS = (
    "--backbone", "efficientnet_lite0", "--device", "cpu", "--precision", "fp32",
    "--short-side", 64,
)  # fmt: skip


def rounds(data, out, *arguments):
    return bench("rounds", "--data", data, "-o", out, "--rounds", 2, *OPTIONS, *arguments)


def load(path):
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("rounds")
    data = make_davis(root / "DAVIS", {"bear": 5, "crow": 4})
    assert rounds(data, root / "run") == 0
    return data, root / "run"


def without_seconds(results):
    return [{k: v for k, v in mode.items() if k != "seconds"} for mode in results["modes"].values()]


def test_a_run_leaves_a_figure_of_each_round_and_mode_and_a_report(run):
    _, out = run
    results = load(out / "results.json")
    assert results["state"] == load(out / "run.json")["state"] == "complete"
    assert list(results["modes"]) == ["protocol", "adaptive"]
    for figures in results["modes"].values():
        assert figures["objects"] == 4 and len(figures["J&F"]) == 3
        assert figures["corrections"] == 2 * 2 and figures["gain_of_a_correction"] > 0
    assert [row["name"] for row in results["rows"]] == [
        "efficientnet_lite0, protocol",
        "efficientnet_lite0, adaptive",
    ]
    table = (out / "table.md").read_text()
    assert "| round 2 |" in table and "published" not in table
    assert "J&amp;F of each mode" in (out / "report.html").read_text()
    assert not (out / "features").exists() and not (out / "unfinished").exists()


def test_round_0_has_the_scores_of_the_benchmark_without_corrections(run, tmp_path):
    data, out = run
    arguments = ("--data", data, "-o", tmp_path / "davis", "--processes", 1, *OPTIONS)
    assert bench("davis", *arguments) == 0
    score = load(tmp_path / "davis/results.json")["global"]["J&F-Mean"]
    assert load(out / "results.json")["modes"]["protocol"]["J&F"][0] == pytest.approx(score)


def test_a_stopped_run_goes_on_to_the_same_figures(run, tmp_path, monkeypatch):
    data, whole = run
    from benchmarks.rounds.correction_loop import CorrectionLoop

    correct, stopped = CorrectionLoop._correct, []

    def stopping(self, score):
        if self._sequence.name == "crow" and not stopped:
            stopped.append("crow")
            raise KeyboardInterrupt
        return correct(self, score)

    monkeypatch.setattr(CorrectionLoop, "_correct", stopping)
    assert rounds(data, tmp_path / "run") == 130
    assert load(tmp_path / "run/run.json")["state"] == "stopped"
    assert len(list((tmp_path / "run/sequences").iterdir())) == 2  # bear in both modes
    assert rounds(data, tmp_path / "run") == 0
    same = [without_seconds(load(out / "results.json")) for out in (whole, tmp_path / "run")]
    assert same[0] == same[1]


def test_other_settings_are_refused(run, capsys):
    data, out = run
    assert rounds(data, out, "--first", "clicks") == 2
    assert "first: given before, clicks now" in capsys.readouterr().err


def test_first_masks_may_be_made_of_clicks(run, tmp_path):
    data, _ = run
    more = ("--first", "clicks", "--first-clicks", 4, "--modes", "protocol", "--sequences", "crow")
    assert rounds(data, tmp_path / "run", *more) == 0
    results = load(tmp_path / "run/results.json")
    assert "at most 4 clicks" in results["data"] and list(results["modes"]) == ["protocol"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--rounds", -1), "rounds is -1; expected at least 0"),
        (("--clicks", 0), "clicks is 0; expected at least 1"),
        (("--first-clicks", 0), "first_clicks is 0"),
        (("--modes", "protocol", "protocol"), "at most once"),
    ],
)
def test_numbers_out_of_range_are_refused(run, tmp_path, arguments, text, capsys):
    data, _ = run
    assert rounds(data, tmp_path / "run", *arguments) == 2
    assert text in capsys.readouterr().err
