"""The verb `vos-pretrain train`."""

from __future__ import annotations

import dataclasses
import shlex
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from pretrain.config.presets import STARTING_WEIGHTS
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.config.run_config import RunConfig
from pretrain.sources.options import require_data
from vos.errors import InputError
from vos.runtime.progress import status

if TYPE_CHECKING:
    from pretrain.train import TrainResult


@dataclass(frozen=True)
class Train:
    """Train a backbone on images without labels.

    Example: vos-pretrain train photos/ --preset small -o runs/mine

    On one device it is started as it is; on several GPUs by
    `torchrun --nproc-per-node N -m pretrain train ...`.
    """

    data: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="DATA [DATA ...]")
    ] = ()
    """Images: folders, archives, shards, videos; the same as --data-path."""
    preset: str = ""
    """Start from a recipe: dino_vits16, dino_vits8, dino_vitb16, dino_vitb8, dino_resnet50,
    byol, moco_v2, swav, small (one GPU), cpu (about an hour), finetune-dino (a few thousand images
    and more, with --init-from). Other options change single values of it, and --help shows the
    values of the preset that is given before it."""
    run_options: Annotated[RunConfig, tyro.conf.arg(name="run")] = field(default_factory=RunConfig)
    config: Annotated[PretrainConfig, tyro.conf.arg(name="recipe")] = field(
        default_factory=PretrainConfig
    )

    def run(self) -> int:
        """Train; return 0, 1 if training cannot go on, 130 or 143 if a signal ended it."""
        options = self.chosen_options()
        status("loading PyTorch")
        import torch

        from pretrain.data.dataset import SampleError
        from pretrain.data.device_batches import WorkersDiedError
        from pretrain.distributed import lost_another_process
        from pretrain.train import DivergedError, train

        try:
            result = train(self.config, options)
        except (DivergedError, WorkersDiedError) as error:
            return self._failed(str(error))
        except SampleError as error:
            return self._failed(f"{error}; go on with --resume auto when that is mended")
        except torch.cuda.OutOfMemoryError as error:
            more = "" if self.config.total_batch else " and raise --accumulate by as much"
            return self._failed(f"{error}. Lower --batch-size-per-gpu{more}")
        except RuntimeError as error:
            if not lost_another_process(error):
                raise
            return self._failed(
                f"another process of the run is gone ({str(error).splitlines()[0]}); see its own "
                "message, and go on with --resume auto"
            )
        return self._report(result)

    def chosen_options(self) -> RunConfig:
        """Return the run's settings with the data that are named in one of the two ways.

        Raises:
            InputError: data are named in both ways, or in none; or a preset for trained weights is
                given none.
        """
        options = self.run_options
        if self.data and options.data_path:
            raise InputError(
                f"data are named twice, as {' '.join(self.data)} and by --data-path "
                f"{' '.join(options.data_path)}; give all of them in one place"
            )
        require_data(self.data or options.data_path)
        weights = STARTING_WEIGHTS.get(self.preset)
        if weights and not options.init_from and options.resume in ("", "auto"):
            raise InputError(
                f"--preset {self.preset} goes on from trained weights; give them by --init-from: "
                f"{weights}, or a file of that architecture"
            )
        return dataclasses.replace(options, data_path=self.data or options.data_path)

    def _failed(self, why: str) -> int:
        print(f"vos-pretrain train: failed: {why}", file=sys.stderr)
        return 1

    def _report(self, result: TrainResult) -> int:
        from pretrain.distributed import is_leader

        if result.finished:
            if is_leader():
                out = self.run_options.output_dir
                print(f"done: {result.steps} steps; the run is in {out}")
                print("\n".join(["next:", *(f"  {line}" for line in next_commands(out))]))
            return 0
        name = signal.Signals(result.stopped_by).name if result.stopped_by else "a signal"
        if is_leader():
            print(
                f"stopped by {name} after step {result.steps}; saved {result.checkpoint}; go on "
                "with --resume auto",
                file=sys.stderr,
            )
        return 128 + (result.stopped_by or signal.SIGINT)


def next_commands(folder: Path) -> list[str]:
    """Return what to run with a trained backbone: the run's best checkpoint, or its last one."""
    kept = sorted((folder / "checkpoints").glob("best-*.pth"))
    run = shlex.quote(str(kept[-1] if kept else folder))
    backbone = shlex.quote(str(folder / "backbone.safetensors"))
    return [
        f"vos-pretrain export {run} -o {backbone}",
        f"vos segment clip.mp4 --mask first.png --weights {backbone} -o out",
    ]
