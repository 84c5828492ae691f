"""The training loop: data in, steps, checkpoints, guards, until the end or a signal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from pretrain.config.pretrain_config import (
    PretrainConfig,
    with_short_warmups,
    with_total_batch,
)
from pretrain.config.run_config import RunConfig
from pretrain.data.dataset import Batch, CropDataset
from pretrain.data.device_batches import DeviceBatches
from pretrain.data.loader import StepSampler, build_loader, cores_left, steps_per_epoch
from pretrain.distributed import (
    Processes,
    in_any_process,
    joined_processes,
    wait_for_all,
)
from pretrain.monitoring.callbacks import Callback, StepReport, asks_to_stop
from pretrain.monitoring.monitor import Monitor
from pretrain.sources.mixture import Mixture
from pretrain.training.checkpoints import RunFacts
from pretrain.training.learner import Learner
from pretrain.training.restoration import restore
from pretrain.training.resumption import checkpoint_to_go_back_to, take_up
from pretrain.training.saving import CheckpointSaver
from pretrain.training.schedules import build_schedules
from vos.files import write_json
from vos.runtime.devices import (
    precision_name,
    resolve_precision,
    set_exact_products,
    takes_tf32,
)
from vos.runtime.distributed import from_leader, own_folder
from vos.runtime.signals import StopRequest, deferred_signals

_MOST_ROLLBACKS = 3


@dataclass(frozen=True)
class TrainResult:
    """How a run ended."""

    steps: int
    """Steps done since the run began, over all resumptions."""
    finished: bool
    stopped_by: int | None
    """The signal that ended it early."""
    checkpoint: Path | None
    """The last checkpoint."""


class DivergedError(RuntimeError):
    """The loss or gradients stayed without finite values after several returns to a checkpoint."""


def train(
    config: PretrainConfig, run: RunConfig, callbacks: Sequence[Callback] = ()
) -> TrainResult:
    """Pretrain from images to checkpoints in `run.output_dir`.

    Args:
        config: what is learnt.
        run: where and on what.
        callbacks: functions called with a `StepReport` after each step, in every process. One
            that returns True ends the run, as a signal does; what one raises ends it at once.

    Raises:
        InputError: data, device, resumed checkpoint or settings cannot be used; or another run
            works in the output folder.
        OSError: the first or the last checkpoint could not be written.
        DivergedError: training does not recover from values that are not finite.
    """
    if run.threads:
        torch.set_num_threads(run.threads)
    with (
        joined_processes(run.device) as processes,
        own_folder(run.output_dir, leads=processes.leads),
        deferred_signals() as stop,
    ):
        loop = _Loop(config, run, processes, callbacks)
        try:
            return loop.run_to_end(stop)
        finally:
            loop.close()


class _Loop:
    """Everything that one process of a run holds."""

    def __init__(
        self,
        config: PretrainConfig,
        run: RunConfig,
        processes: Processes,
        callbacks: Sequence[Callback],
    ) -> None:
        given, config = config, with_short_warmups(with_total_batch(config, processes.size))
        self.callbacks = callbacks
        self.config, self.run, self.processes = config, run, processes
        if config.warmup_epochs != given.warmup_epochs:
            self._announce(f"one epoch: the warm-up takes {config.warmup_epochs} of it")
        self._announce(f"reading the list of images in {', '.join(run.data_path)}")
        self.mixture = Mixture(run.data_path, run.data_weights, run.sources)
        self.share = config.batch_size_per_gpu * config.accumulate
        total = self.share * processes.size
        self.steps_per_epoch = steps_per_epoch(len(self.mixture), total)
        self.schedules = build_schedules(config, self.steps_per_epoch, total)
        precision = precision_name(resolve_precision(run.precision, processes.device))
        if precision == "fp32":
            set_exact_products(processes.device)
        self._announce("building student and teacher")
        self.learner = Learner(
            config,
            self.schedules,
            processes.device,
            precision,
            run.compile,
            checkpoint_activations=run.checkpoint_activations,
        )
        self.facts = self._facts(total)
        self.precision = precision
        if run.resume:
            self._announce(f"reading a checkpoint to go on from ({run.resume})")
        resumed = take_up(self.learner, run, self.facts, processes, self._say)
        wait_for_all()  # before the first one writes a checkpoint that another could take up
        self.saver = CheckpointSaver(run, self.facts, processes, resumed, self._say)
        self.batches = DeviceBatches(
            self._loader,
            self.learner.step_index,
            processes.device,
            config.in_chans,
            config.accumulate,
        )
        self.skipped_in_a_row = 0
        self.rollbacks = 0
        self.monitor = (
            Monitor(config, run, self.schedules, total, self.learner.step_index)
            if processes.leads
            else None
        )
        if processes.leads:
            self._write_settings()
            self._say(
                f"{self.facts.data}; {total} images a step, {self.steps_per_epoch} steps an epoch; "
                f"{precision} on {processes.device}, processes: {processes.size}"
            )

    def _facts(self, total_batch: int) -> RunFacts:
        """Look at the data once for all processes."""
        contents = from_leader(self.mixture.contents, leads=self.processes.leads)
        return RunFacts(
            self.config,
            self.mixture.describe(),
            self.mixture.fingerprint(),
            total_batch,
            contents,
            self.run.allow_changed_data,
        )

    def _write_settings(self) -> None:
        write_json(
            self.run.output_dir / "config.json",
            {
                "config": self.config.as_dict(),
                "run": self.run.as_dict(),
                "data": self.facts.data,
                "precision": self.precision,
                **({"tf32": takes_tf32()} if self.processes.device.type == "cuda" else {}),
                "device": str(self.processes.device),
                "processes": self.processes.size,
                "total_batch": self.facts.total_batch,
                "torch": torch.__version__,
            },
        )

    def _loader(self, first_step: int) -> DataLoader[Batch]:
        on_device = self.run.augment_device != "cpu"
        dataset = CropDataset(self.mixture, self.config, colors=not on_device)
        sampler = StepSampler(
            self.mixture,
            seed=self.config.seed,
            steps_per_epoch=self.steps_per_epoch,
            first_step=first_step,
            steps=self.schedules.steps,
            share=self.share,
            parts=self.config.accumulate,
            rank=self.processes.rank,
            size=self.processes.size,
        )
        pin = self.processes.device.type == "cuda"
        workers = cores_left() if self.run.num_workers is None else self.run.num_workers
        if workers:
            self._announce(f"starting {workers} loader worker{'s' if workers > 1 else ''}")
        return build_loader(dataset, sampler, workers, pin)

    def run_to_end(self, stop: StopRequest) -> TrainResult:
        """Take steps until the last one or until a signal asks to stop."""
        learner = self.learner
        if learner.step_index == 0:
            self.saver.save(learner, must=True)
        self.saver.renumber(learner)
        if self.monitor is not None:
            self.monitor.start(learner, self.mixture)
            self.saver.keep_if_best(learner.step_index, self.monitor.take_probed())
        while learner.step_index < self.schedules.steps:
            start = time.perf_counter()
            stats = learner.step(self.batches.next())
            probed: dict[str, float] = {}
            if self.monitor is not None:
                seconds = time.perf_counter() - start
                self.monitor.step(learner, stats, seconds, self.batches)
                probed = self.monitor.take_probed()
            asked = self._ask_callbacks({**stats, **probed})
            self._guard(stats)
            due = self.saver.is_due(learner.step_index, self.steps_per_epoch)
            due = (due or self.saver.best.improves(probed)) and not self.skipped_in_a_row
            due, stopped = in_any_process(
                [due, asked or stop.signal is not None], self.processes.device
            )
            if due:
                self.saver.save(learner)
                self.saver.keep_if_best(learner.step_index, probed)
            if stopped:
                self.saver.save(learner, must=True)
                return self._result(stop.signal)
        self.saver.save(learner, must=True)
        if self.monitor is not None:
            self.monitor.finish(learner)
            self.saver.keep_if_best(learner.step_index, self.monitor.take_probed())
        return self._result(None)

    def _ask_callbacks(self, numbers: dict[str, float]) -> bool:
        """Say whether a callback ends the run before its last step."""
        step, steps = self.learner.step_index, self.schedules.steps
        report = StepReport(step, steps, numbers, self.learner)
        return asks_to_stop(self.callbacks, report) and step < steps

    def _result(self, signal: int | None) -> TrainResult:
        step = self.learner.step_index
        finished = step >= self.schedules.steps and signal is None
        return TrainResult(step, finished, signal, self.saver.last_checkpoint)

    def _guard(self, stats: dict[str, float]) -> None:
        """Count steps that were skipped; too many in a row go back to the last checkpoint."""
        self.skipped_in_a_row = self.skipped_in_a_row + 1 if stats["skipped"] else 0
        if self.skipped_in_a_row < self.run.max_skipped:
            return
        self.rollbacks += 1
        self.skipped_in_a_row = 0
        advice = (
            "lower lr or clip_grad, take precision bf16 or fp32 in the place of fp16, or raise "
            "warmup_epochs"
        )
        path = self.saver.last_checkpoint
        if self.rollbacks > _MOST_ROLLBACKS or path is None:
            raise DivergedError(
                f"{self.run.max_skipped} steps in a row had no finite loss or gradient, and going "
                f"back to a checkpoint {_MOST_ROLLBACKS} times did not help; {advice}"
            )
        at = self.learner.step_index
        path, raw = checkpoint_to_go_back_to(path, self.processes)
        restore(self.learner, raw, self.facts, path)
        back = self.learner.step_index
        self.learner.step_index = at  # other images than those it failed on
        self._say(
            f"{self.run.max_skipped} steps in a row had no finite loss or gradient: back to the "
            f"weights of step {back} ({path.name}), going on with the images of step {at}. If it "
            f"comes again: {advice}"
        )

    def _announce(self, text: str) -> None:
        """Say what begins now and takes a while; the log does without it."""
        if self.processes.leads:
            print(f"{text} …", file=sys.stderr, flush=True)

    def _say(self, text: str) -> None:
        if not self.processes.leads:
            return
        print(text, file=sys.stderr, flush=True)
        monitor = getattr(self, "monitor", None)
        if monitor is not None:
            monitor.run_log.sentence(self.learner.step_index, text)

    def close(self) -> None:
        """Stop workers and close files."""
        self.batches.close()
        if self.monitor is not None:
            self.monitor.close()
