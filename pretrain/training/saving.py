"""When a run saves, and what becomes of a save that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pretrain.config.run_config import RunConfig
from pretrain.distributed import Processes, in_any_process
from pretrain.training.best import BestCheckpoint
from pretrain.training.checkpoints import (
    FOLDER,
    RunFacts,
    list_checkpoints,
    save_checkpoint,
    step_of,
)
from pretrain.training.learner import Learner


class CheckpointSaver:
    """The checkpoints of one run, in step over all of its processes.

    Args:
        run: how often, and how many are kept.
        facts: saved with each.
        processes: of which the leading one writes.
        resumed: the checkpoint that the run goes on from, if any.
        say: takes a sentence for the user.
    """

    def __init__(
        self,
        run: RunConfig,
        facts: RunFacts,
        processes: Processes,
        resumed: Path | None,
        say: Callable[[str], None],
    ) -> None:
        self.run, self.facts, self.processes = run, facts, processes
        self.last_checkpoint = resumed
        self.best = BestCheckpoint(run.output_dir, run.keep_best, resumed=resumed is not None)
        self._last_saved = time.monotonic()
        self._say = say

    def is_due(self, step: int, steps_per_epoch: int) -> bool:
        """Say whether it is time for a checkpoint."""
        minutes = (time.monotonic() - self._last_saved) / 60
        whole_epochs = step % (self.run.checkpoint_epochs * steps_per_epoch) == 0
        return whole_epochs or minutes >= self.run.checkpoint_minutes

    def save(self, learner: Learner, must: bool = False) -> None:
        """Save, unless this step is saved; a full disk stops the run only where it `must`.

        Raises:
            OSError: it `must`, and could not be written.
        """
        name = f"step-{learner.step_index:08d}.pth"
        if self.last_checkpoint is not None and self.last_checkpoint.name == name:
            return
        self._last_saved = time.monotonic()
        folder = self.run.output_dir
        failed = False
        try:
            if self.processes.leads:
                keep, every = self.run.keep_checkpoints, self.run.keep_every
                save_checkpoint(folder, learner, self.facts, keep, every)
        except OSError as error:
            if must:
                raise
            failed = True
            self._say(
                f"the checkpoint of step {learner.step_index} could not be saved ({error}); "
                f"the last whole one is {self.last_checkpoint}; training goes on"
            )
        if not any(in_any_process([failed], self.processes.device)):
            self.last_checkpoint = folder / FOLDER / name

    def keep_if_best(self, step: int, numbers: Mapping[str, float]) -> None:
        """Keep the checkpoint of a step for good if its probe gave more than all before it.

        A save or link that fails is said, and the best one before stays.
        """
        checkpoint = self.run.output_dir / FOLDER / f"step-{step:08d}.pth"
        if not self.best.improves(numbers) or self.last_checkpoint != checkpoint:
            return
        try:
            best = self.best.keep(checkpoint, numbers)
        except OSError as error:
            self._say(f"{checkpoint} could not be kept as the best one ({error})")
            return
        self._say(f"best {self.best.probe} so far: {self.best.value:.3f}, kept as {best}")

    def renumber(self, learner: Learner) -> None:
        """Save a resumed run under its new number of steps, and set later numbers aside.

        A run whose epochs got shorter, by fewer images or larger batches, goes on at an earlier
        step than its checkpoint's number says. The next resumption takes the largest number.

        Raises:
            OSError: it could not be written; nothing has been set aside then.
        """
        resumed = self.last_checkpoint
        if resumed is None or resumed not in list_checkpoints(self.run.output_dir):
            return
        if step_of(resumed) <= learner.step_index:
            return
        self.save(learner, must=True)
        if self.processes.leads:
            for path in list_checkpoints(self.run.output_dir):
                if learner.step_index < step_of(path) <= step_of(resumed):
                    path.replace(path.with_name(f"former-{path.name}"))
