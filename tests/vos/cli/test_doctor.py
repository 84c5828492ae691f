"""`vos doctor`: its lines, its JSON and its exit status."""

import json

import pytest

from vos.cli.doctor import Doctor
from vos.doctor import examination
from vos.doctor.check import Check

GOOD = [
    Check("versions", "torch", "ok", "2.14"),
    Check("devices", "CUDA", "absent", "no GPU"),
]
BAD = [*GOOD, Check("parts", "features", "fails", "out of memory", "take a smaller one")]


@pytest.fixture
def outcome(monkeypatch):
    def set_checks(checks):
        monkeypatch.setattr(examination, "examine", lambda **options: iter(checks))

    return set_checks


def test_lines_under_headings(outcome, capsys):
    outcome(GOOD)
    assert Doctor().run() == 0
    assert capsys.readouterr().out.splitlines() == [
        "versions",
        "  ok      torch: 2.14",
        "devices",
        "  absent  CUDA: no GPU",
        "everything needed works",
    ]


def test_a_failure_is_exit_status_1_and_named_at_the_end(outcome, capsys):
    outcome(BAD)
    assert Doctor().run() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "fails: features"
    assert lines[-2].strip() == "-> take a smaller one"


@pytest.mark.parametrize(("checks", "status"), [(GOOD, 0), (BAD, 1)])
def test_json_is_all_that_is_printed(outcome, capsys, checks, status):
    outcome(checks)
    assert Doctor(json=True).run() == status
    record = json.loads(capsys.readouterr().out)
    assert record["ok"] is (status == 0)
    assert [check["name"] for check in record["checks"]] == [check.name for check in checks]


def test_the_program_has_the_verb(outcome, run_program):
    outcome(BAD)
    assert "fails: features" in run_program("vos", "doctor", status=1)
