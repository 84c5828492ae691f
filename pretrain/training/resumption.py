"""Which checkpoint a run goes on from: one choice for all of its processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pretrain.config.run_config import RunConfig
from pretrain.distributed import Processes
from pretrain.training.checkpoints import (
    RunFacts,
    find_resumable,
    list_checkpoints,
    newest_whole,
    read_training_checkpoint,
    step_of,
)
from pretrain.training.initialization import start_from
from pretrain.training.learner import Learner
from pretrain.training.restoration import restore
from vos.errors import InputError
from vos.runtime.distributed import from_leader

ReadCheckpoint = tuple[Path, dict[str, Any]]
"""A file and what it holds."""


def checkpoint_to_resume(run: RunConfig, processes: Processes) -> ReadCheckpoint | None:
    """Return the checkpoint that `run.resume` asks for, the same in all processes.

    Raises:
        InputError: it cannot be read, or the output folder holds a run that is not to be resumed.
        SystemExit: the leading process found no checkpoint that can be read, and says so.
    """
    out = run.output_dir
    if run.resume == "auto":
        return _same_for_all(lambda: find_resumable(out), processes)
    if run.resume:
        return Path(run.resume), read_training_checkpoint(Path(run.resume))
    if any(step_of(p) for p in list_checkpoints(out)):  # step 0 is no loss
        raise InputError(
            f"{out} holds a run already; go on with it by --resume auto, or give another "
            "folder with -o"
        )
    return None


def take_up(
    learner: Learner,
    run: RunConfig,
    facts: RunFacts,
    processes: Processes,
    say: Callable[[str], None],
) -> Path | None:
    """Resume a run, or start a new one from given weights, as its settings say.

    Returns:
        The checkpoint that the run goes on from, if any.

    Raises:
        InputError: a checkpoint or weights file cannot be used, or the output folder holds a run
            that is not to be resumed.
        SystemExit: the leading process found no checkpoint that can be read, and says so.
    """
    resumable = checkpoint_to_resume(run, processes)
    if resumable is None:
        if run.init_from:
            start_from(learner, run.init_from, processes, say)
        return None
    path, raw = resumable
    for change in restore(learner, raw, facts, path):
        say(f"going on from {path}: {change}")
    step, out = learner.step_index, run.output_dir
    later = [p.name for p in list_checkpoints(out) if step_of(p) > step]
    if later and run.resume != "auto":
        raise InputError(
            f"{out} holds checkpoints after step {step}: {', '.join(later)}; move them away, "
            "or give another folder with -o"
        )
    say(f"going on from {path} at step {step}")
    return path


def checkpoint_to_go_back_to(latest: Path, processes: Processes) -> ReadCheckpoint:
    """Return the latest checkpoint, or the newest whole one before it, the same in all processes.

    Raises:
        InputError: none can be read.
        SystemExit: none can be read in the leading process, which says so.
    """
    numbered = list_checkpoints(latest.parent.parent)
    earlier = [p for p in numbered if latest in numbered and step_of(p) < step_of(latest)]
    whole = _same_for_all(lambda: newest_whole([*earlier, latest]), processes)
    assert whole is not None  # there is a candidate: it is returned, or refused with an error
    return whole


def _same_for_all(
    choose: Callable[[], ReadCheckpoint | None], processes: Processes
) -> ReadCheckpoint | None:
    """Let the leading process choose a file; the others read that one.

    A file that is damaged, or seen late, in one process alone must not part them.
    """
    chosen: list[ReadCheckpoint | None] = []

    def name() -> str | None:
        chosen.append(choose())
        return str(chosen[0][0]) if chosen[0] is not None else None

    path = from_leader(name, leads=processes.leads)
    if chosen:
        return chosen[0]
    return None if path is None else (Path(path), read_training_checkpoint(Path(path)))
