"""Where and on what a run runs: data, device, checkpoints, logs. What it learns is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pretrain.sources.mixture import SourceOptions
from vos.errors import InputError


@dataclass(frozen=True)
class RunConfig:
    """Settings of one run that do not change what it computes, except through rounding.

    Raises:
        InputError: a value is out of its range, or two values exclude each other.
    """

    data_path: tuple[str, ...] = ()
    """Images: folders, .zip or .tar archives (or a folder inside one: photos.zip/birds), shards
    (shards/{000..127}.tar or "pipe:command {000..127}"), videos. Several may be given."""
    data_weights: tuple[float, ...] = ()
    """How often each of them is drawn, in proportion; none: every image once an epoch."""
    output_dir: Path = Path("runs/pretrain")
    """Folder of the run: checkpoints, log, pictures."""
    frames_per_video: int = 16
    """Frames that a video counts for in one epoch."""
    samples_per_shard: int = 0
    """Images in one shard of a "pipe:" source."""
    shard_cache: Path = Path("~/.cache/vos/shards")
    """Folder for shards fetched from a pipe."""
    cache_gb: float = 50.0
    """How many gigabytes of fetched shards are kept."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:1 or mps; torchrun's processes take one GPU each."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 where the hardware has it, else fp16 on a GPU and fp32 on a CPU."""
    compile: bool = False
    """Run the backbones through torch.compile."""
    num_workers: int | None = None
    """Loader processes of each training process; 0 loads in the training process. None: as many
    as there are cores left, at most 10."""
    augment_device: Literal["cpu", "cuda"] = "cpu"
    """Where colour, blur and solarisation are done: by the workers, or in batches on the GPU."""
    threads: int = 0
    """CPU threads of the training process; 0 leaves PyTorch's choice."""

    resume: str = ""
    """A checkpoint to go on from, or "auto": the newest whole one in output_dir, if any."""
    init_from: str = ""
    """Weights to start the backbone with, head or no head: a fresh run from there."""
    checkpoint_minutes: float = 15.0
    """Save at least so often."""
    checkpoint_epochs: int = 1
    """Save after so many epochs."""
    keep_checkpoints: int = 3
    """Saved checkpoints that are kept, the newest ones."""
    max_skipped: int = 20
    """Steps in a row without a finite loss or gradient before the last checkpoint is taken up."""

    log_steps: int = 10
    """Write a line to log.jsonl every so many steps."""
    tensorboard: bool = True
    """Write TensorBoard files to output_dir/tensorboard."""
    wandb_project: str = ""
    """Weights & Biases project to log to; needs the wandb package."""
    probe_epochs: int = 10
    """Look at the teacher every so many epochs, and at the start and end; 0: never."""
    knn_data: str = ""
    """A labelled folder or archive (class folders) for a k-NN accuracy on the way."""
    attention_images: str = ""
    """A folder or archive whose first images are shown with their attention; none: data_path."""
    davis_path: Path | None = None
    """A folder in DAVIS layout for label-propagation J&F on the way."""
    davis_sequences: int = 2
    """Sequences of it that are tracked."""

    def __post_init__(self) -> None:
        least = {
            "frames_per_video": 1,
            "samples_per_shard": 0,
            "num_workers": 0,
            "threads": 0,
            "checkpoint_epochs": 1,
            "keep_checkpoints": 1,
            "max_skipped": 1,
            "log_steps": 1,
            "probe_epochs": 0,
            "davis_sequences": 1,
        }
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise InputError(f"{name} is {value}; expected a whole number, {low} or above")
        for name in ("checkpoint_minutes", "cache_gb"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; expected a number above 0")
        if self.resume and self.init_from and self.resume != "auto":
            raise InputError("--resume and --init-from exclude each other; give one of them")

    @property
    def source_options(self) -> SourceOptions:
        """What the sources need to know."""
        return SourceOptions(
            self.frames_per_video, self.samples_per_shard, self.shard_cache, self.cache_gb
        )
