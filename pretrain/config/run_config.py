"""Where and on what a run runs: data, device, checkpoints, logs. What it learns is elsewhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from pretrain.sources.options import SourceOptions, check_at_least
from vos.errors import InputError


@dataclass(frozen=True)
class ProbeOptions:
    """Looks at the teacher on the way: what its features are worth.

    Raises:
        InputError: a value is out of its range.
    """

    probe_epochs: int = 10
    """Look at the teacher every so many epochs, and at the start and end; 0: never."""
    knn_data: str = ""
    """A labelled folder or archive (class folders) for a k-NN accuracy on the way."""
    attention_images: str = ""
    """A folder or archive whose first images are shown with their attention; none: data_path."""
    davis_path: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """A folder in DAVIS layout for label-propagation J&F on the way."""
    davis_sequences: int = 2
    """Sequences of it that are tracked."""

    def __post_init__(self) -> None:
        check_at_least(self, {"probe_epochs": 0, "davis_sequences": 1})


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
    output_dir: Annotated[Path, tyro.conf.arg(aliases=["-o", "--out"])] = Path("runs/pretrain")
    """Folder of the run: checkpoints, log, pictures."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:1 or mps; torchrun's processes take one GPU each."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """auto: bf16 where the hardware has it, else fp16 on a GPU and fp32 on a CPU."""
    num_workers: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Loader processes of each training process; 0 loads in the training process. None: as many
    as there are cores left."""

    resume: str = ""
    """A checkpoint to go on from, or "auto": the newest whole one in output_dir, if any."""
    allow_changed_data: bool = False
    """Resume although images were added, removed or changed since."""
    init_from: str = ""
    """Weights to start the backbone with, head or no head: a fresh run from there. A file, or one
    of the names dino_vits16, dino_vits8, dino_vitb16, dino_vitb8."""
    checkpoint_minutes: float = 15.0
    """Save at least so often."""
    checkpoint_epochs: int = 1
    """Save after so many epochs."""
    keep_checkpoints: int = 3
    """Saved checkpoints that are kept, the newest ones."""
    keep_every: int = 0
    """Keep besides the checkpoint of every so many epochs for good; 0: none."""
    keep_best: Literal["none", "knn_top1", "davis_j_and_f"] = "none"
    """Keep besides the checkpoint with the highest value of this probe for good."""

    log_steps: int = 10
    """Write a line to log.jsonl every so many steps."""
    tensorboard: bool = True
    """Write TensorBoard files to output_dir/tensorboard."""
    wandb_project: str = ""
    """Weights & Biases project to log to; needs the wandb package."""

    compile: bool = False
    """Run the backbones through torch.compile."""
    checkpoint_activations: bool = False
    """Compute the student's activations again in the backward pass: less memory, more time."""
    augment_device: Literal["cpu", "cuda"] = "cpu"
    """Where colour, blur and solarisation are done: by the workers, or in batches on the GPU."""
    threads: int = 0
    """CPU threads of the training process; 0 leaves PyTorch's choice."""
    max_skipped: int = 20
    """Steps in a row without a finite loss or gradient before the last checkpoint is taken up."""

    sources: Annotated[SourceOptions, tyro.conf.arg(name="data", prefix_name=False)] = field(
        default_factory=SourceOptions
    )
    probes: Annotated[ProbeOptions, tyro.conf.arg(name="probe", prefix_name=False)] = field(
        default_factory=ProbeOptions
    )

    def __post_init__(self) -> None:
        none_or_more = dict.fromkeys(("num_workers", "threads", "keep_every"), 0)
        counts = ("checkpoint_epochs", "keep_checkpoints", "max_skipped", "log_steps")
        check_at_least(self, none_or_more | dict.fromkeys(counts, 1))
        if not self.checkpoint_minutes > 0:
            raise InputError(
                f"checkpoint_minutes is {self.checkpoint_minutes}; expected a number above 0"
            )
        if self.keep_every % self.checkpoint_epochs:
            raise InputError(
                f"keep_every is {self.keep_every}; expected a multiple of checkpoint_epochs "
                f"({self.checkpoint_epochs}), as others are not saved"
            )
        needed = {"knn_top1": "knn_data", "davis_j_and_f": "davis_path"}.get(self.keep_best)
        if needed and not (getattr(self.probes, needed) and self.probes.probe_epochs):
            raise InputError(
                f"keep_best is {self.keep_best}, which nothing measures; give "
                f"--{needed.replace('_', '-')} and a --probe-epochs above 0"
            )
        if self.resume and self.init_from and self.resume != "auto":
            raise InputError("--resume and --init-from exclude each other; give one of them")

    def as_dict(self) -> dict[str, Any]:
        """Return plain values by option, as they are written to JSON."""
        values: dict[str, Any] = {}
        for name, value in asdict(self).items():
            values.update(value if isinstance(value, dict) else {name: value})
        return {k: str(v) if isinstance(v, Path) else v for k, v in values.items()}
