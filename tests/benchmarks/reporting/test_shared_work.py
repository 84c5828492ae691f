import json

from benchmarks.reporting.shared_work import give_up, share_out
from vos.errors import InputError
from vos.runtime.distributed import Team


def test_the_longest_first_and_a_failure_is_one_sequences_alone(capsys):
    order = []

    def work(name, on_frame):
        order.append(name)
        if name == "b":
            raise InputError("no frames")
        if name == "c":
            raise RuntimeError("out of memory")
        on_frame(1, 2)

    failed = share_out({"a": 1, "b": 3, "c": 2}, work, Team(), "work")
    assert order == ["b", "c", "a"]
    assert failed == {"b": "no frames", "c": "RuntimeError: out of memory"}
    printed = capsys.readouterr().err
    assert "Traceback" in printed and "work: 1/6" in printed
    assert share_out({}, work, Team(), "work") == {}


def test_nothing_is_scored_where_sequences_failed(tmp_path, capsys):
    assert give_up({"b": "no frames"}, tmp_path) == 1
    assert "failed: b: no frames" in capsys.readouterr().err
    results = json.loads((tmp_path / "results.json").read_text())
    assert results == {"state": "failed", "failed": {"b": "no frames"}}
