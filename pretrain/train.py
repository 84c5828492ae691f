"""The training loop: data in, steps, checkpoints, guards, until the end or a signal."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from pretrain.config.pretrain_config import PretrainConfig, with_total_batch
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
from pretrain.monitoring.monitor import Monitor
from pretrain.sources.mixture import Mixture
from pretrain.training.checkpoints import (
    FOLDER,
    RunFacts,
    init_backbone,
    list_checkpoints,
    restore,
    save_checkpoint,
    step_of,
)
from pretrain.training.learner import Learner
from pretrain.training.resumption import checkpoint_to_go_back_to, checkpoint_to_resume
from pretrain.training.schedules import build_schedules
from vos.errors import InputError
from vos.files import write_json
from vos.runtime.devices import (
    precision_name,
    resolve_precision,
    set_exact_products,
    takes_tf32,
)
from vos.runtime.distributed import own_folder
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


def train(config: PretrainConfig, run: RunConfig) -> TrainResult:
    """Pretrain from images to checkpoints in `run.output_dir`.

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
        loop = _Loop(config, run, processes)
        try:
            return loop.run_to_end(stop)
        finally:
            loop.close()


class _Loop:
    """Everything that one process of a run holds."""

    def __init__(self, config: PretrainConfig, run: RunConfig, processes: Processes) -> None:
        config = with_total_batch(config, processes.size)
        self.config, self.run, self.processes = config, run, processes
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
        self.learner = Learner(config, self.schedules, processes.device, precision, run.compile)
        self.facts = RunFacts(config, self.mixture.describe(), self.mixture.fingerprint(), total)
        self.precision = precision
        resumed = self._take_up()
        wait_for_all()  # before the first one writes a checkpoint that another could take up
        self.last_checkpoint = resumed
        self.last_saved = time.monotonic()
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

    def _take_up(self) -> Path | None:
        """Resume or start from given weights, as the settings say."""
        run = self.run
        if run.resume:
            self._announce(f"reading a checkpoint to go on from ({run.resume})")
        resumable = checkpoint_to_resume(run, self.processes)
        if resumable is None:
            if run.init_from:
                init_backbone(self.learner, run.init_from)
            return None
        path, raw = resumable
        for change in restore(self.learner, raw, self.facts, path):
            self._say(f"going on from {path}: {change}")
        step, out = self.learner.step_index, run.output_dir
        later = [p.name for p in list_checkpoints(out) if step_of(p) > step]
        if later and run.resume != "auto":
            raise InputError(
                f"{out} holds checkpoints after step {step}: {', '.join(later)}; move them away, "
                "or give another folder with -o"
            )
        self._say(f"going on from {path} at step {step}")
        return path

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
            self._save(must=True)
        if self.monitor is not None:
            self.monitor.start(learner, self.mixture)
        while learner.step_index < self.schedules.steps:
            start = time.perf_counter()
            stats = learner.step(self.batches.next())
            if self.monitor is not None:
                seconds = time.perf_counter() - start
                self.monitor.step(learner, stats, seconds, self.batches)
            self._guard(stats)
            flags = [self._is_due(), stop.signal is not None]
            due, stopped = in_any_process(flags, self.processes.device)
            if due:
                self._save()
            if stopped:
                self._save(must=True)
                return TrainResult(learner.step_index, False, stop.signal, self.last_checkpoint)
        self._save(must=True)
        if self.monitor is not None:
            self.monitor.finish(learner)
        return TrainResult(learner.step_index, True, None, self.last_checkpoint)

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
        path = self.last_checkpoint
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

    def _is_due(self) -> bool:
        """Whether it is time for a checkpoint, after a step that was kept."""
        step = self.learner.step_index
        every = self.run.checkpoint_epochs * self.steps_per_epoch
        minutes = (time.monotonic() - self.last_saved) / 60
        due = step % every == 0 or minutes >= self.run.checkpoint_minutes
        return due and not self.skipped_in_a_row

    def _save(self, must: bool = False) -> None:
        """Save, unless this step is saved; a full disk stops the run only where it `must`."""
        name = f"step-{self.learner.step_index:08d}.pth"
        if self.last_checkpoint is not None and self.last_checkpoint.name == name:
            return
        self.last_saved = time.monotonic()
        folder = self.run.output_dir
        failed = False
        try:
            if self.processes.leads:
                keep, every = self.run.keep_checkpoints, self.run.keep_every
                save_checkpoint(folder, self.learner, self.facts, keep, every)
        except OSError as error:
            if must:
                raise
            failed = True
            self._say(
                f"the checkpoint of step {self.learner.step_index} could not be saved ({error}); "
                f"the last whole one is {self.last_checkpoint}; training goes on"
            )
        if not any(in_any_process([failed], self.processes.device)):
            self.last_checkpoint = folder / FOLDER / name

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
