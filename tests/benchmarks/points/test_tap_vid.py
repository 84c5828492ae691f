import os
import pickle

from tests.data.point_runs import load, run_verb
from tests.data.point_sets import make_tap_vid


def test_a_run_by_first_queries(tap_vid):
    _, out = tap_vid
    results = load(out / "results.json")
    assert results["global"]["δ_16"] > 0.95 and results["global"]["OA"] > 0.8
    assert results["rules"]["queries"] == "first"
    assert results["results"]["queries"] == {"board": 8, "other": 8}
    assert "BootsTAPIR" in (out / "table.md").read_text()
    assert "DINOv2" not in (out / "table.md").read_text()
    assert (out / "report.html").read_text().count("data:image/jpeg;base64,") == 6


def test_strided_queries_go_both_ways(tmp_path):
    data = make_tap_vid(tmp_path / "tapvid_davis.pkl", ("board",), frames=7, points=4)
    out = tmp_path / "run"
    assert run_verb("tap-vid", data, out, "--queries", "strided") == 0
    results = load(out / "results.json")
    assert results["global"]["δ_16"] > 0.95
    assert results["results"]["queries"]["board"] == 7  # frames 0 and 5; one is hidden in it
    assert "DINOv2" in (out / "table.md").read_text()


class Malicious:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def test_a_pickle_that_wants_to_run_code(tmp_path, capsys):
    path = tmp_path / "tapvid_davis.pkl"
    path.write_bytes(pickle.dumps({"board": Malicious(tmp_path / "mark")}))
    assert run_verb("tap-vid", path, tmp_path / "out") == 2
    assert "it was not run" in capsys.readouterr().err
    assert not (tmp_path / "mark").exists()
