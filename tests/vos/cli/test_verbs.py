"""What the command lines share: exit status, messages, signals, progress."""

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

import vos
import vos.cli.verbs
from vos.cli import VERBS
from vos.cli.verbs import Verb, run_verbs
from vos.errors import InputError

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Fails:
    """Raise what is asked for."""

    how: str = "ok"
    """Which way to end."""
    times: int = 1
    """How often."""

    def run(self) -> int:
        """End that way."""
        errors = {
            "input": InputError("give a better file"),
            "disk": OSError(28, "No space left on device"),
            "memory": MemoryError(),
            "stop": KeyboardInterrupt(),
            "status": SystemExit(7),
            "text": SystemExit("no"),
            "bug": RuntimeError("a bug"),
        }
        if self.how == "term":
            os.kill(os.getpid(), signal.SIGTERM)
        if self.how in errors:
            raise errors[self.how]
        return 0


FAILS = (Verb("fail", "Fail as told.", "tests:Fails"),)


@pytest.fixture
def call(monkeypatch):
    monkeypatch.setattr(Verb, "load", lambda self: Fails)
    return lambda *argv: run_verbs("tool", "A tool of the tests.", FAILS, argv)


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        ("ok", 0, ""),
        ("input", 2, "tool fail: error: give a better file"),
        ("disk", 1, "tool fail: failed: [Errno 28] No space left on device"),
        ("memory", 1, "tool fail: failed: MemoryError"),
        ("stop", 130, "tool fail: stopped by Ctrl-C"),
        ("term", 143, "tool fail: stopped by SIGTERM"),
        ("status", 7, ""),
        ("text", 1, ""),
    ],
)
def test_every_way_to_end_has_its_status(call, capsys, how, status, told):
    before = signal.getsignal(signal.SIGTERM)
    assert call("fail", "--how", how) == status
    captured = capsys.readouterr()
    assert captured.err.strip() == told
    assert captured.out == ""
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_bug_is_not_hidden(call):
    with pytest.raises(RuntimeError, match="a bug"):
        call("fail", "--how", "bug")


def test_usage(call, capsys):
    assert call() == 2
    assert "usage: tool VERB" in capsys.readouterr().out
    assert call("--help") == 0
    assert "Fail as told." in capsys.readouterr().out
    assert call("--version") == 0
    assert capsys.readouterr().out.strip() == f"tool {vos.__version__}"
    assert call("nonsense") == 2
    assert "no verb 'nonsense'; the verbs are: fail" in capsys.readouterr().err
    assert call("fail", "--help") == 0
    assert "How often." in capsys.readouterr().out
    assert call("fail", "--times", "often") == 2
    assert "often" in capsys.readouterr().err


def test_arguments_of_the_process_are_the_default(call, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tool", "fail", "--how", "stop"])
    monkeypatch.setattr(Verb, "load", lambda self: Fails)
    assert run_verbs("tool", "", FAILS) == 130


def test_a_thread_may_run_a_verb(call):
    found = []
    thread = threading.Thread(target=lambda: found.append(call("fail", "--how", "input")))
    thread.start()
    thread.join()
    assert found == [2]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_every_verb_of_vos_explains_itself(verb, capsys):
    assert run_verbs("vos", "", VERBS, [verb.name, "--help"]) == 0
    told = capsys.readouterr().out
    assert verb.load().__doc__.split("\n")[0].split()[0] in told
    assert "{" not in verb.summary


def test_module_and_entry_point_start():
    run = subprocess.run(
        [sys.executable, "-m", "vos", "--version"],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.stdout.strip() == f"vos {vos.__version__}"


def test_public_names_are_all_there():
    for name in vos.__all__:
        assert getattr(vos, name) is not None
    assert set(dir(vos)) == set(vos.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = vos.nothing


def test_scoring_loads_no_torch():
    code = "import sys, vos; vos.evaluate; sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.parametrize(
    "arguments", [("vos",), ("vos", "export"), ("pretrain",), ("pretrain", "plot"), ("benchmarks",)]
)
def test_help_ends_quietly_where_its_reader_goes(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", *arguments, "--help"]
    done = subprocess.run(command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_names_that_are_no_text_are_printed_as_their_bytes():
    code = (
        "from vos.cli.verbs import Verb, run_verbs\n"
        "run_verbs('t', 'caf\\udce9 \\u00e9 \\u2026', [Verb('v', 's', 'x:y')], ['--help'])\n"
    )
    shown = {}
    for encoding in ("utf-8", "ascii"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, env=environment, check=True
        )
        shown[encoding] = done.stdout.splitlines()[2]
    assert shown == {
        "utf-8": b"caf\xe9 \xc3\xa9 \xe2\x80\xa6",
        "ascii": b"caf\xe9 \\xe9 \\u2026",
    }
