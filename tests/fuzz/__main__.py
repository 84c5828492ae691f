"""`make fuzz`: every reader for a while, each in a process of its own.

A fault is an error that is no refusal, an end of the process, more than `_HANG` seconds for one
input, or more than `_MEMORY` bytes beyond those at the start. Its input is kept in runs/fuzz/,
one of each kind. VOS_FUZZ_SECONDS is the time of each target, 600 by default; names of targets
may be given.
"""

import contextlib
import faulthandler
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

_OUT = Path("runs/fuzz")
_HANG = 20
_MEMORY = 4 << 30
_ROUND = 200
_CURRENT, _FAULTS = "current", "faults.json"


def _seconds() -> float:
    return float(os.environ.get("VOS_FUZZ_SECONDS", "600"))


class Findings:
    """The faults of a target, one of each kind, kept on disk as they come."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = folder / _FAULTS
        self.kinds: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
        self.tried = 0

    def add(self, kind: str, text: str, data: bytes) -> None:
        """Keep a fault of a kind that is new."""
        if kind in self.kinds:
            return
        name = hashlib.sha256(kind.encode()).hexdigest()[:12]
        (self.folder / name).write_bytes(data)
        (self.folder / f"{name}.txt").write_text(f"{kind}\n\n{text}")
        self.kinds[kind] = name
        (self.folder / _FAULTS).write_text(json.dumps(self.kinds, indent=1))


def _kind(error: BaseException) -> str:
    """Name an error by its type and the last place in the project's code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "/vos/" in f.filename or "/pretrain/" in f.filename]
    last = (own or frames)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.name}"


def work(name: str) -> None:
    """Fuzz one target in this process until its time is over."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    from tests.fuzz.mutations import inputs
    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    findings = Findings(_OUT / name)
    end = time.monotonic() + float(sys.argv[3])
    seeds = target.seeds()
    for good in seeds:
        with contextlib.suppress(*target.refusals), tempfile.TemporaryDirectory() as folder:
            target.read(good, Path(folder))
    _limit_memory()
    faulthandler.enable()
    faulthandler.register(signal.SIGALRM, chain=True)  # says where, and then ends the process
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:

        def one(data: bytes) -> None:
            if time.monotonic() > end:
                return
            (_OUT / name / _CURRENT).write_bytes(data)
            signal.alarm(_HANG)
            try:
                target.read(data, Path(folder))
            except target.refusals:
                pass
            except Exception as error:
                findings.add(_kind(error), traceback.format_exc(), data)
            finally:
                signal.alarm(0)
            findings.tried += 1

        number = int(sys.argv[4])
        while time.monotonic() < end:
            number += 1
            rounds = settings(
                max_examples=_ROUND, deadline=None, database=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            strategy = inputs(seeds, is_json=target.is_json)
            seed(number)(rounds(given(strategy)(one)))()
            (_OUT / name / "tried").write_text(str(findings.tried))
    (_OUT / name / _CURRENT).unlink(missing_ok=True)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def fuzz(name: str) -> tuple[int, dict[str, str]]:
    """Fuzz one target; begin again after an input that ends the process."""
    folder = _OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + _seconds()
    tried = restarts = 0
    while (left := end - time.monotonic()) > 0:
        (folder / "tried").write_text("0")
        command = [
            sys.executable,
            "-m",
            "tests.fuzz",
            "--work",
            name,
            str(left),
            str(restarts * 10**6),
        ]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, errors="replace"
        )
        tried += int((folder / "tried").read_text())
        if done.returncode == 0:
            break
        restarts += 1
        if not (folder / _CURRENT).is_file():
            raise SystemExit(f"fuzz {name}: did not start\n{done.stderr[-2000:]}")
        ended = signal.Signals(-done.returncode).name if done.returncode < 0 else "an error"
        what = f"more than {_HANG} s" if ended == "SIGALRM" else f"the process ended by {ended}"
        own = re.search(r'File ".*/(?:vos|pretrain)/.*?(\w+\.py)", line \d+ in (\w+)', done.stderr)
        what += f" at {own[1]}:{own[2]}" if own else ""
        Findings(folder).add(what, done.stderr[-2000:], (folder / _CURRENT).read_bytes())
    return tried, Findings(folder).kinds


def main() -> None:
    """Fuzz the named targets, or all, and say what was found; exit 1 if anything was."""
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2])
        return
    from tests.fuzz.targets import TARGETS

    faults = 0
    for name in sys.argv[1:] or TARGETS:
        tried, kinds = fuzz(name)
        print(f"{name}: {tried} inputs, {len(kinds)} faults", flush=True)
        for kind, file in kinds.items():
            print(f"  {kind}: {_OUT / name / file}", flush=True)
        faults += len(kinds)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
