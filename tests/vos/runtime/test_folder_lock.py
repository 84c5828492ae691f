"""One process at a time in an output folder."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vos.errors import InputError
from vos.runtime.folder_lock import LOCK, locked_folder, require_unlocked, working_folder

ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import sys, time
from pathlib import Path
from vos.runtime.folder_lock import locked_folder
with locked_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(100)
"""
pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder's lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_the_second_process_says_who_holds_the_folder(tmp_path, holder):
    said = rf"in use by process {holder.pid} on {socket.gethostname()}, since \d{{4}}-"
    with pytest.raises(InputError, match=said), locked_folder(tmp_path):
        pass
    with pytest.raises(InputError, match=said):
        require_unlocked(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_a_killed_process_holds_nothing(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK).exists()
    require_unlocked(tmp_path)
    with locked_folder(tmp_path):
        assert str(os.getpid()) in (tmp_path / LOCK).read_text()
    assert not list(tmp_path.iterdir())


def test_a_lock_is_of_one_run_not_of_one_process_and_ends_with_an_error(tmp_path):
    refused = pytest.raises(InputError, match=f"process {os.getpid()} ")
    with refused, locked_folder(tmp_path), locked_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
    require_unlocked(tmp_path)


def test_a_working_folder_is_made_and_goes_again_where_nothing_was_written(tmp_path):
    folder = tmp_path / "runs" / "mine"
    with pytest.raises(InputError, match="wrong"), working_folder(folder):
        assert (folder / LOCK).exists()
        raise InputError("wrong input")
    assert not list(tmp_path.iterdir())
    with working_folder(folder):
        (folder / "result").touch()
    assert [path.name for path in folder.iterdir()] == ["result"]
    with working_folder(folder):
        (folder / "result").unlink()
    assert folder.is_dir()  # it was there before


def test_a_working_folder_has_one_run(tmp_path, holder):
    with (
        pytest.raises(InputError, match=f"in use by process {holder.pid}"),
        working_folder(tmp_path),
    ):
        pass


def test_a_folder_that_cannot_be_written_to_goes_without_a_lock(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    require_unlocked(tmp_path)
    ran = []
    with locked_folder(tmp_path):
        ran.append(list(tmp_path.iterdir()))
    assert ran == [[]]
