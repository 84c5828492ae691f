"""The training loop of fine-tuning: steps, tests, saved state.

Shapes: B batch, C classes.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from benchmarks.classification.accuracy import top_hits
from benchmarks.classification.training_state import ResumableTraining, share_stop
from benchmarks.features.choices import LoaderOptions
from benchmarks.features.extraction import TransformedImages, quiet_worker
from benchmarks.features.image_sets import ImageSet
from benchmarks.features.transforms import ImageTransform
from benchmarks.finetuning.augmentation import RecipeImages, mixed_seed, mixer, seeded
from benchmarks.finetuning.network import optimizer_and_schedule
from benchmarks.finetuning.recipe import Amp, Recipe
from vos.errors import InputError
from vos.files import atomic_path
from vos.runtime.distributed import Team
from vos.runtime.progress import progress
from vos.runtime.signals import StopRequest

_AMP = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Training(ResumableTraining):
    """The network, its optimizer, and how far the training is."""

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        *,
        amp: Amp,
        seed: int,
        loader: LoaderOptions,
        processes: Team,
        device: torch.device,
        classes: int,
    ) -> None:
        self.network, self.processes = network, processes
        self._recipe, self._seed = recipe, seed
        self._loader, self._device = loader, device
        self._dtype = _AMP.get(amp)
        self._optimizer, self._schedule = optimizer_and_schedule(network, recipe)
        self._scaler = torch.amp.GradScaler(device.type, enabled=amp == "fp16")
        self._mix = mixer(recipe, classes)
        self._parallel = network
        if processes.size > 1:
            group = dist.new_group(backend="nccl") if device.type == "cuda" else None
            self._parallel = nn.parallel.DistributedDataParallel(network, process_group=group)
        super().__init__(network=network, optimizer=self._optimizer, scaler=self._scaler)

    def train_epoch(self, images: RecipeImages, stop: StopRequest) -> None:
        """Train for what is left of an epoch, or until a stop is asked for."""
        recipe, processes = self._recipe, self.processes
        self._schedule.step(self.epoch)
        batches = even_batches(len(images), recipe.train_batch, processes.size, recipe.mixes)
        own = [b[processes.rank :: processes.size] for b in batches[self.step_in_epoch :]]
        loader = DataLoader(
            images,
            batch_sampler=own,
            num_workers=self._loader.workers,
            worker_init_fn=quiet_worker,
        )
        self._parallel.train()
        label = f"epoch {self.epoch + 1}/{recipe.epochs}"
        with progress(label, sum(len(b) for b in own), "images") as advance:
            for inputs, labels in loader:
                place = mixed_seed(self._seed, self.epoch, self.step_in_epoch, processes.rank)
                with seeded(place, self._device):
                    loss = self._step(inputs.to(self._device), labels.to(self._device))
                advance(len(labels), note=f"loss {loss:.3f}")
                self.step_in_epoch += 1
                if share_stop(stop, processes.gather(stop.signal)):
                    return

    def _step(self, inputs: Tensor, labels: Tensor) -> float:
        mixed, targets = self._mix(inputs, labels)
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype is not None):
            logits = self._parallel(mixed)
        loss = F.cross_entropy(logits.float(), targets)
        if not bool(loss.isfinite()):
            raise InputError(
                f"the loss is {float(loss.detach())} in epoch {self.epoch + 1}; use --amp bf16 or "
                "off, or a smaller --lr"
            )
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return float(loss.detach())

    @torch.no_grad()
    def test(self, images: ImageSet, transform: ImageTransform) -> None:
        """Test on a set, shared out among the processes, and print."""
        self.network.eval()
        numbers = range(self.processes.rank, len(images), self.processes.size)
        loader = DataLoader(
            TransformedImages(images, transform),
            batch_size=self._loader.batch,
            sampler=list(numbers),
            num_workers=self._loader.workers,
            worker_init_fn=quiet_worker,
        )
        logits = [self.network(inputs.to(self._device)).float().cpu() for inputs in loader]
        hits = [0, 0]
        if logits:
            labels = torch.from_numpy(images.labels[list(numbers)])
            hits = top_hits(torch.cat(logits), labels).tolist()
        shared = self.processes.gather(hits)
        top1, top5 = (100 * sum(h[i] for h in shared) / len(images) for i in (0, 1))
        self.history.append({"epoch": self.epoch, "top1": top1, "top5": top5})
        if self.processes.leads:
            print(f"epoch {self.epoch}: top-1 {top1:.2f}, top-5 {top5:.2f}", flush=True)

    def save(self, path: Path, identity: str) -> None:
        """Write the state, whole or not at all; the leading process alone does."""
        if self.processes.leads:
            super().save(path, identity)

    def restore(self, path: Path, identity: str) -> None:
        """Go on from a saved state, if there is one.

        Raises:
            InputError: the file is damaged, or of a run with other settings.
        """
        if self.processes.from_leader(path.is_file):
            super().restore(path, identity)

    def save_weights(self, path: Path) -> None:
        """Write the network's weights without its classifier."""
        own = self.network.state_dict()
        head = [f"{name}." for name, module in self.network.named_modules()
                if module is self.network.get_classifier()]  # type: ignore[operator] # fmt: skip
        kept = {n: t.cpu() for n, t in own.items() if not n.startswith(tuple(head))}
        with atomic_path(path) as beside:
            torch.save(kept, beside)


def even_batches(count: int, batch: int, processes: int, mixes: bool) -> list[list[int]]:
    """Cut an epoch into batches that all processes have equal shares of.

    A share has an even number of images where they are mixed in pairs; what is left over of the
    epoch is dropped, or of the batch if the epoch is smaller than one.

    Raises:
        InputError: there are too few images for one such batch.
    """
    unit = processes * (2 if mixes else 1)
    size = min(batch, count) // unit * unit
    if not size:
        raise InputError(
            f"{min(batch, count)} images are too few for a batch shared by {processes} processes"
            + (", each with pairs to mix; turn off --mixup and --cutmix" if mixes else "")
        )
    places = list(range(count))
    return [places[start : start + size] for start in range(0, count - size + 1, size)]
