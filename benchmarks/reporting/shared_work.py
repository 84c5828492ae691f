"""Sequences that the processes of a run share out: who takes which, progress, failures."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.reporting.run_files import RESULTS
from benchmarks.reporting.run_state import RunState
from vos.errors import InputError
from vos.files import shortened, write_json
from vos.runtime.distributed import Team
from vos.runtime.progress import CountProgress


def share_out(
    frames: dict[str, int],
    work: Callable[[str, Callable[..., None]], None],
    processes: Team,
    label: str,
) -> dict[str, str]:
    """Do the work of all sequences, the longest first. One that fails does not end the others.

    Args:
        frames: frames by name of the sequence, the same in all processes.
        work: does one, by its name and what to call after each frame.
        processes: who share them.
        label: what is done, for the progress shown.

    Returns:
        The failed sequences with the reason, the same in all processes.
    """
    failed: dict[str, str] = {}
    if not frames:
        return failed
    names = sorted(frames, key=lambda name: -frames[name])
    with _shared_progress(processes, sum(frames.values()), label) as frame_done:
        for number in processes.shares(len(names)):
            name = names[number]
            try:
                work(name, partial(frame_done, name))
            except InputError as error:
                failed[name] = str(error)
            except Exception as error:  # whatever it is, it is this sequence's alone
                traceback.print_exc()
                failed[name] = f"{type(error).__name__}: {error}"
    gathered = processes.gather(failed)
    return {name: reason for part in gathered for name, reason in part.items()}


@contextmanager
def _shared_progress(processes: Team, total: int, label: str) -> Iterator[Callable[..., None]]:
    """Show in the leading process how many frames all processes have done."""
    count = processes.counter()
    with ExitStack() as stack:
        shown = CountProgress(stack, label, total) if processes.leads else None

        def frame_done(name: str, *_count: int | None) -> None:
            frames = count(1)
            if shown is not None:
                shown(frames, total, name)

        yield frame_done


def run_recorded(
    state: RunState,
    processes: Team,
    work: Callable[[], dict[str, str]],
    finish: Callable[[], None],
) -> int:
    """Do the work of all processes, then in the leading one what follows, and record how it ended.

    Args:
        state: the run's record, written whatever happens.
        processes: who share the work.
        work: does it; returns the failed sequences with the reason.
        finish: scores and reports where none failed.

    Returns:
        The exit status: 1 if a sequence failed.
    """
    try:
        failed = work()
        if not processes.leads:
            return 1 if failed else 0
        state.state = "failed" if failed else "running"
        if failed:
            return give_up(failed, state.out)
        finish()
    except BaseException as error:
        state.state = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
        raise
    finally:
        state.write()
    return 0


def give_up(failed: dict[str, str], out: Path) -> int:
    """Say which sequences failed; there are no scores, as they would be of the others alone."""
    for name, reason in failed.items():
        print(f"failed: {name}: {reason}", file=sys.stderr)
    print(
        f"{len(failed)} sequences failed ({shortened(failed)}), so nothing was scored. The others "
        "are kept; the same command tries the failed ones again.",
        file=sys.stderr,
    )
    write_json(out / RESULTS, {"state": "failed", "failed": failed})
    return 1
