"""What a run shows while it runs: a progress line, the log, warnings, probes, curves."""

from __future__ import annotations

import contextlib
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.config.run_config import RunConfig
from pretrain.data.device_batches import DeviceBatches
from pretrain.monitoring.collapse import CollapseWatch
from pretrain.monitoring.curves import plot_curves
from pretrain.monitoring.run_log import RunLog
from pretrain.probes.probes import Probes
from pretrain.sources.mixture import Mixture
from pretrain.training.learner import Learner
from pretrain.training.schedules import Schedules, warmup_steps
from vos.errors import InputError
from vos.files import atomic_path
from vos.runtime.devices import peak_memory_mib
from vos.runtime.progress import progress

BROKEN_LIST = "broken_images.txt"
_SETTINGS = ("lr", "weight_decay", "momentum", "teacher_temp")  # known of skipped steps too


class Monitor:
    """The first process's view of a run.

    Args:
        config: what is learnt.
        run: where and on what.
        schedules: the run's schedules.
        total_batch: images in a step over all processes.
        first_step: the step that the run starts or goes on at.
    """

    def __init__(
        self,
        config: PretrainConfig,
        run: RunConfig,
        schedules: Schedules,
        total_batch: int,
        first_step: int,
    ) -> None:
        self.config, self.run, self.schedules = config, run, schedules
        self.total_batch = total_batch
        self.run_log = RunLog(
            run.output_dir, config.as_dict(), first_step, run.tensorboard, run.wandb_project
        )
        self.watch = CollapseWatch(
            config.out_dim if config.method in ("dino", "swav") else 2,
            warmup=warmup_steps(config, schedules.steps_per_epoch),
        )
        self.probes: Probes | None = None
        self._probed: dict[str, float] = {}
        self._sums: dict[str, float] = defaultdict(float)
        self._steps = 0
        self._skipped = 0
        self._broken = _read_broken(run.output_dir) if first_step else {}
        self._stack = contextlib.ExitStack()
        self._left = (schedules.steps - first_step) * total_batch

    def start(self, learner: Learner, mixture: Mixture) -> None:
        """Look at a network that has taken no step yet.

        Raises:
            InputError: the data of a probe cannot be used.
        """
        if self.run.probes.probe_epochs:
            self.probes = Probes(self.config, self.run, mixture)
            if not learner.step_index:
                self._probe(learner)
        self._advance = self._stack.enter_context(progress("pretraining", self._left, "images"))

    def step(
        self, learner: Learner, stats: Mapping[str, float], seconds: float, batches: DeviceBatches
    ) -> None:
        """Take note of a step that took so many seconds."""
        step = learner.step_index
        for name, value in stats.items():
            if name != "skipped" and (not stats["skipped"] or name in _SETTINGS):
                self._sums[name] += value
        self._sums["seconds"] += seconds
        self._sums["wait"] += batches.take_wait_seconds()
        self._steps += 1
        self._skipped += int(stats["skipped"])
        self._sums["skipped"] += stats["skipped"]
        self._advance(self.total_batch, self._note(step, stats))
        for sentence in self.watch.update(step, stats):
            self.warn(step, sentence)
        self._list_broken(step, batches)
        if self._steps >= self.run.log_steps or step == self.schedules.steps:
            self._write(step, learner.device)
        self._probe_if_due(learner)

    def _note(self, step: int, stats: Mapping[str, float]) -> str:
        epoch = step / self.schedules.steps_per_epoch
        text = f"epoch {epoch:.2f}/{self.config.epochs}, loss {stats['loss']:.4f}"
        if "teacher_entropy" in stats:
            text += f", teacher entropy {stats['teacher_entropy']:.3f}"
        text += f", lr {stats['lr']:.2e}"
        return text + (f", {self._skipped} steps skipped" if self._skipped else "")

    def _write(self, step: int, device: torch.device) -> None:
        """Write the means since the last line."""
        finite_steps = max(self._steps - self._sums["skipped"], 1)
        seconds = max(self._sums.pop("seconds"), 1e-9)
        wait, skipped = self._sums.pop("wait"), self._sums.pop("skipped")
        values = {
            name: total / (self._steps if name in _SETTINGS else finite_steps)
            for name, total in self._sums.items()
        }
        self.run_log.numbers(
            step,
            {
                "epoch": step / self.schedules.steps_per_epoch,
                **values,
                "skipped": skipped,
                "images_per_second": self._steps * self.total_batch / seconds,
                "data_wait": wait / seconds,
                "memory_gb": memory_gb(device),
            },
        )
        self._sums.clear()
        self._steps = 0

    def _list_broken(self, step: int, batches: DeviceBatches) -> None:
        if batches.broken.keys() <= self._broken.keys():
            return
        if not self._broken:
            name, why = next(iter(batches.broken.items()))
            self.warn(step, f"cannot read {name} ({why}); all such are in {BROKEN_LIST}")
        self._broken.update(batches.broken)
        lines = [f"{name}\t{why}\n" for name, why in sorted(self._broken.items())]
        try:
            with atomic_path(self.run.output_dir / BROKEN_LIST) as beside:
                beside.write_text("".join(lines), encoding="utf-8")
        except OSError as error:  # the next list has these, too
            self.warn(step, f"{BROKEN_LIST} cannot be written ({error}); training goes on")

    def _probe_if_due(self, learner: Learner) -> None:
        epochs, rest = divmod(learner.step_index, self.schedules.steps_per_epoch)
        last = learner.step_index == self.schedules.steps
        if self.probes and not rest and not last and epochs % self.run.probes.probe_epochs == 0:
            self._probe(learner)

    def _probe(self, learner: Learner) -> None:
        assert self.probes is not None
        step = learner.step_index
        print(f"step {step}: looking at the teacher …", file=sys.stderr, flush=True)
        try:
            numbers, pictures = self.probes.look(learner, step)
        except (OSError, InputError, RuntimeError) as error:
            if step == 0 and isinstance(error, InputError):
                raise
            self.warn(step, f"a look at the network failed: {error}")
            return
        self._probed = numbers
        if numbers:
            self.run_log.numbers(step, numbers)
            summary = ", ".join(f"{name} {value:.3f}" for name, value in numbers.items())
            print(f"step {step}: {summary}", file=sys.stderr, flush=True)
        for name, picture in pictures.items():
            self.run_log.picture(step, name, picture)

    def take_probed(self) -> dict[str, float]:
        """Return what the probes gave since the last call, by name; mostly nothing."""
        numbers, self._probed = self._probed, {}
        return numbers

    def warn(self, step: int, text: str) -> None:
        """Print a sentence and put it on record."""
        print(f"step {step}: {text}", file=sys.stderr, flush=True)
        self.run_log.sentence(step, text)

    def finish(self, learner: Learner) -> None:
        """Look at the trained network, count broken images, and draw the curves."""
        if self.probes:
            self._probe(learner)
        if self._broken:
            count = len(self._broken)
            self.warn(learner.step_index, f"{count} broken images were met; see {BROKEN_LIST}")
        try:
            plot_curves(self.run.output_dir)
        except (OSError, InputError) as error:  # a full disk; or it was full and the log is empty
            self.warn(learner.step_index, f"the curves cannot be drawn ({error})")

    def close(self) -> None:
        """End the progress line and close the log."""
        self._stack.close()
        self.run_log.close()


def _read_broken(folder: Path) -> dict[str, str]:
    """Return what an earlier part of the run found, by name."""
    path = folder / BROKEN_LIST
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split("\t", 1) for line in lines if "\t" in line)


def memory_gb(device: torch.device) -> float:
    """Return the highest memory use so far in GB: a GPU's own, else the process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    return (peak_memory_mib() or 0) * (1 << 20) / 1e9
