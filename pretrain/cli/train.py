"""The verb `vos-pretrain train`."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass, field

import torch

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.config.run_config import RunConfig
from pretrain.data.device_batches import WorkersDiedError
from pretrain.distributed import is_first_process, lost_another_process
from pretrain.train import DivergedError, TrainResult, train


@dataclass(frozen=True)
class Train:
    """Train a backbone on images without labels.

    On one device it is started as it is; on several GPUs by
    `torchrun --nproc-per-node N -m pretrain train ...`.
    """

    preset: str = ""
    """Start from a recipe: dino_vits16, dino_vits8, dino_vitb16, dino_vitb8, dino_resnet50,
    byol, moco_v2, swav, small (one GPU), cpu (about an hour). Other options change single values
    of it, and --help shows the values of the preset that is given before it."""
    config: PretrainConfig = field(default_factory=PretrainConfig)
    run_options: RunConfig = field(default_factory=RunConfig)

    def run(self) -> int:
        """Train; return 0, 1 if training cannot go on, 130 or 143 if a signal ended it."""
        try:
            result = train(self.config, self.run_options)
        except (DivergedError, WorkersDiedError) as error:
            return self._failed(str(error))
        except torch.cuda.OutOfMemoryError as error:
            return self._failed(
                f"{error}. Lower --batch-size-per-gpu and raise --accumulate by as much"
            )
        except RuntimeError as error:
            if not lost_another_process(error):
                raise
            return self._failed(
                f"another process of the run is gone ({error}); see its own message, and go on "
                "with --resume auto"
            )
        return self._report(result)

    def _failed(self, why: str) -> int:
        print(f"vos-pretrain train: failed: {why}", file=sys.stderr)
        return 1

    def _report(self, result: TrainResult) -> int:
        if result.finished:
            if is_first_process():
                print(f"done: {result.steps} steps; the run is in {self.run_options.output_dir}")
            return 0
        name = signal.Signals(result.stopped_by).name if result.stopped_by else "a signal"
        if is_first_process():
            print(
                f"stopped by {name} after step {result.steps}; saved {result.checkpoint}; go on "
                "with --resume auto",
                file=sys.stderr,
            )
        return 128 + (result.stopped_by or signal.SIGINT)
