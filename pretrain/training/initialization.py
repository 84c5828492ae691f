"""A fresh run's backbone, started from the weights of another one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from torch import Tensor

from pretrain.distributed import Processes
from pretrain.training.learner import Learner
from vos.backbones.checkpoints import load_checkpoint
from vos.backbones.loading import DownloadBar
from vos.backbones.networks.vit import position_embedding
from vos.backbones.registry import REGISTRY
from vos.backbones.weights import find_weights
from vos.errors import InputError
from vos.runtime.distributed import from_leader


def start_from(
    learner: Learner, given: str, processes: Processes, say: Callable[[str], None]
) -> None:
    """Start student and teacher with the backbone of a file, or of a name as dino_vits16.

    A file that bears such a name comes first. Weights of a name are downloaded if need be.

    Raises:
        InputError: there is no such file or name, it cannot be read or downloaded, or its backbone
            is another architecture's; for a download SystemExit in all but the leading process.
    """
    if given not in REGISTRY or Path(given).exists():
        init_backbone(learner, given)
        return
    # The others look for the file once it is there; on another machine they fetch their own.
    path = from_leader(lambda: _file_of(given), leads=processes.leads)
    path = path if path.is_file() else _file_of(given)
    say(f"starting from {given} ({path})")
    init_backbone(learner, str(path))


def _file_of(name: str) -> Path:
    with ExitStack() as stack:
        return find_weights(name, progress=DownloadBar(stack))


def init_backbone(learner: Learner, path: str) -> None:
    """Start student and teacher with the backbone of any checkpoint, leaving heads fresh.

    A ViT's position embeddings of another resolution are resampled, as the network itself does for
    images of another size.

    Raises:
        InputError: the file cannot be read, or its backbone is another architecture's.
    """
    if not Path(path).is_file():
        raise InputError(
            f"no checkpoint at {path}; give a .pth or .safetensors file, or one of the names "
            f"{', '.join(REGISTRY)}"
        )
    state = dict(load_checkpoint(path).state)
    for network in (learner.student, learner.teacher):
        own = network.backbone.state_dict()
        if learner.config.is_vit:
            state = _at_resolution(state, own["pos_embed"])
            _check_registers(state, own, path)
            if "registers" in own and "registers" not in state:  # they start fresh, in both alike
                state["registers"] = learner.student.backbone.state_dict()["registers"]
        wrong = [n for n in own if n not in state or state[n].shape != own[n].shape]
        if wrong:
            raise InputError(
                f"the backbone in {path} is not this run's: {wrong[0]} is "
                f"{tuple(state[wrong[0]].shape) if wrong[0] in state else 'missing'}, expected "
                f"{tuple(own[wrong[0]].shape)}; set arch, patch_size and global_crops_size to its"
            )
        network.backbone.load_state_dict({name: state[name] for name in own})


def _check_registers(state: dict[str, Tensor], own: dict[str, Tensor], path: str) -> None:
    """Refuse weights that were trained with other registers than the run has, but not without."""
    given, wanted = (s["registers"].shape[1] if "registers" in s else 0 for s in (state, own))
    if given and given != wanted:
        raise InputError(
            f"the backbone in {path} has {given} registers, this run {wanted}; give --registers "
            f"{given}"
        )


def _at_resolution(state: dict[str, Tensor], own: Tensor) -> dict[str, Tensor]:
    """Bring position embeddings (1, 1 + m * m, D) to a network's own number, if D fits."""
    given = state.get("pos_embed")
    if given is None or given.ndim != 3 or given.shape[2] != own.shape[2]:
        return state
    before, after = (round((values.shape[1] - 1) ** 0.5) for values in (given, own))
    if before == after or given.shape[1] != 1 + before**2:
        return state
    return {**state, "pos_embed": position_embedding(given, after, after)}
