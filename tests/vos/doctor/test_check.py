"""States of checks, their text, and what is left out of paths."""

import getpass
from pathlib import Path

import pytest

from vos.doctor.check import Check, attempt, private


def test_a_line_has_state_name_detail_and_advice():
    check = Check("parts", "features", "fails", "no memory", "use a smaller one")
    first, second = check.text().splitlines()
    assert first.split() == ["fails", "features:", "no", "memory"]
    assert second.strip() == "-> use a smaller one"
    assert Check("parts", "features", "ok").text().split() == ["ok", "features"]


def test_an_attempt_is_ok_or_says_what_was_raised_on_one_line():
    def fail():
        raise ValueError("two\nlines")

    assert attempt("parts", "mask", lambda: "equal", "advice") == Check(
        "parts", "mask", "ok", "equal"
    )
    failed = attempt("parts", "mask", fail, "advice")
    assert failed == Check("parts", "mask", "fails", "ValueError: two lines", "advice")


def test_a_stop_is_no_failure_of_a_part():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt("parts", "mask", stop, "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ann/.cache/vos and /data/ann/weights", "~/.cache/vos and /data/USER/weights"),
        ("/home/anna/x, /home/ann-2/x", "/home/anna/x, /home/ann-2/x"),
        ("/scratch/ann", "/scratch/USER"),
        ("ann is no path", "ann is no path"),
    ],
)
def test_paths_lose_the_home_folder_and_the_user(monkeypatch, text, shown):
    monkeypatch.setattr(Path, "home", lambda: Path("/home/ann"))
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    assert private(text) == shown


def test_a_user_without_an_entry_is_no_failure(monkeypatch):
    def unknown():
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert private("/data/x") == "/data/x"


def test_a_home_that_is_the_root_leaves_paths_alone(monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    monkeypatch.setattr(getpass, "getuser", lambda: "nobody")
    assert private("/data/x") == "/data/x"
