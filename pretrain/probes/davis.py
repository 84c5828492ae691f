"""Label propagation with the teacher on the way, through the command line `vos`.

`pretrain` and `vos` meet in files alone: the teacher goes out as a weights file, masks and scores
come back.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.config.run_config import RunConfig
from pretrain.training.export import plain_name, write_backbone
from pretrain.training.learner import Learner
from vos.errors import InputError

_SETS = ("val", "train")
_RESOLUTION = "480p"


def davis_j_and_f(learner: Learner, config: PretrainConfig, run: RunConfig) -> dict[str, float]:
    """Track the first sequences of a DAVIS folder with the teacher and score the masks.

    Features are computed on the run's device and in its precision.

    Returns:
        `davis_j_and_f`, `davis_j` and `davis_f`, from 0 to 1.

    Raises:
        InputError: the folder is not in DAVIS layout.
        RuntimeError: `vos` ended with an error; its words are in the message.
    """
    assert run.probes.davis_path is not None
    which, sequences = first_sequences(run.probes.davis_path, run.probes.davis_sequences)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = folder / "teacher.safetensors"
        state = learner.teacher.backbone.state_dict()
        write_backbone(state, weights, "safetensors", {"arch": plain_name(config.arch)})
        network = ["--weights", str(weights)]
        network += ["--device", str(learner.device), "--precision", learner.precision]
        for sequence in sequences:
            _track(run.probes.davis_path, sequence, network, folder)
        return _score(folder, run.probes.davis_path, which, sequences)


def first_sequences(root: Path, count: int) -> tuple[str, list[str]]:
    """Return the name of a DAVIS folder's set and its first sequences.

    Raises:
        InputError: there is no list of sequences.
    """
    for which in _SETS:
        for year in ("2017", "2016"):
            listed = root / "ImageSets" / year / f"{which}.txt"
            if listed.is_file():
                names = [n.strip() for n in listed.read_text("utf-8").splitlines() if n.strip()]
                return which, names[:count]
    raise InputError(f"{root} is no DAVIS folder: it has no ImageSets/2017/val.txt or train.txt")


def _track(root: Path, sequence: str, network: Sequence[str], folder: Path) -> None:
    frames = root / "JPEGImages" / _RESOLUTION / sequence
    masks = sorted((root / "Annotations" / _RESOLUTION / sequence).glob("*.png"))
    if not masks:
        raise InputError(f"{root} has no masks of {sequence} under Annotations/{_RESOLUTION}")
    out = folder / "runs" / sequence
    _vos(["segment", str(frames), "--mask", str(masks[0]), *network, "-o", str(out)])
    predictions = folder / "predictions"
    predictions.mkdir(exist_ok=True)
    (out / "masks").rename(predictions / sequence)


def _score(folder: Path, root: Path, which: str, sequences: Sequence[str]) -> dict[str, float]:
    scores = folder / "scores"
    arguments = ["evaluate", str(folder / "predictions"), str(root)]
    _vos([*arguments, "--set", which, "--out", str(scores), "--sequences", *sequences])
    with (scores / f"global_results-{which}.csv").open(encoding="utf-8") as handle:
        row = next(csv.DictReader(handle))
    return {
        "davis_j_and_f": float(row["J&F-Mean"]),
        "davis_j": float(row["J-Mean"]),
        "davis_f": float(row["F-Mean"]),
    }


def _vos(arguments: Sequence[str]) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "vos", *arguments], capture_output=True, text=True, check=False
    )
    if completed.returncode:
        raise RuntimeError(f"vos {arguments[0]} failed: {completed.stderr.strip()[-500:]}")
