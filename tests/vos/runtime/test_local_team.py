"""Processes of a team without torchrun: what they are told, and how all of them end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vos.runtime.local_team import run_local_team

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def python(code, *arguments):
    return [sys.executable, "-c", code, *map(str, arguments)]


def test_each_process_knows_its_place(tmp_path):
    code = """
import os, sys
from pathlib import Path
names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
said = [os.environ[name] for name in names]
Path(sys.argv[1], said[0]).write_text(" ".join(said))
"""
    assert run_local_team(python(code, tmp_path), 3) == 0
    said = [(tmp_path / str(rank)).read_text().split() for rank in range(3)]
    assert [words[:5] for words in said] == [
        [str(r), str(r), "3", "3", "127.0.0.1"] for r in (0, 1, 2)
    ]
    assert len({words[5] for words in said}) == 1


def test_the_status_is_that_of_the_command():
    assert run_local_team(python("raise SystemExit(1)"), 2) == 1
    assert (
        run_local_team(python("import os; raise SystemExit(2 * int(os.environ['RANK']))"), 2) == 2
    )


def test_others_are_stopped_where_one_is_killed(capfd):
    code = """
import os, signal, time
if os.environ["RANK"] == "1":
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(100)
"""
    start = time.monotonic()
    assert run_local_team(python(code), 2) == 1
    assert time.monotonic() - start < 50
    assert "ended by SIGKILL" in capfd.readouterr().err


def test_a_failure_that_is_not_shared_stops_the_others(monkeypatch):
    monkeypatch.setattr("vos.runtime.local_team._GRACE_SECONDS", 0.3)
    code = "import os, time; time.sleep(100 * int(os.environ['RANK'])); raise SystemExit(1)"
    assert run_local_team(python(code), 2) == 1


def test_sigterm_reaches_all(tmp_path):
    own = """
import os, signal, sys, time
from pathlib import Path
def end(*_):
    Path(sys.argv[1], "ended" + os.environ["RANK"]).touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, end)
Path(sys.argv[1], "ready" + os.environ["RANK"]).touch()
time.sleep(100)
"""
    code = """
import sys
from vos.runtime.local_team import run_local_team
from vos.runtime.signals import catch_sigterm
catch_sigterm()
run_local_team([sys.executable, "-c", sys.argv[2], sys.argv[1]], 2)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    leader = subprocess.Popen(python(code, tmp_path, own), env=environment, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("ready*"))) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    leader.send_signal(signal.SIGTERM)
    leader.communicate(timeout=60)
    assert {path.name for path in tmp_path.glob("ended*")} == {"ended0", "ended1"}
