"""The benchmarks as functions: `benchmarks.run_davis(backbone, data, out, ...)` and the others.

Each takes a backbone (a name, a `vos.Backbone`, a module, or `vos.BackboneOptions`), its data, the
folder to write to, and the options of its verb by their names with underscores: `short_side=480`.
An options dataclass stands for all of its fields: `propagation=vos.PropagationConfig(...)`. It
prints and writes what the verb does, goes on where the verb would, and returns the results.

Raises: InputError for whatever the verb refuses; RuntimeError where a sequence failed.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.cli.suite import Planned
from benchmarks.reporting.tables.results import BenchmarkResults
from vos.backbones.loading import BackboneOptions, as_backbone
from vos.cli.verbs import Runnable, parse
from vos.errors import InputError

if TYPE_CHECKING:
    from vos.backbones.backbone import Backbone
    from vos.backbones.loading import BackboneSource
    from vos.backbones.weights import DownloadProgress

    Given = BackboneSource | BackboneOptions
_LOADING = {field.name for field in dataclasses.fields(BackboneOptions)}


def run_davis(
    backbone: Given, data: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Masks of DAVIS 2017 by label propagation: J&F, J and F (`vos-bench davis`)."""
    return _run("davis", backbone, out, {"data": data, **options})


def run_jhmdb(
    backbone: Given, data: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Joints of people on JHMDB: PCK (`vos-bench jhmdb`)."""
    return _run("jhmdb", backbone, out, {"data": data, **options})


def run_vip(backbone: Given, data: str | Path, out: str | Path, **options: Any) -> BenchmarkResults:
    """Parts of people on VIP: mean IoU (`vos-bench vip`)."""
    return _run("vip", backbone, out, {"data": data, **options})


def run_badja(
    backbone: Given, data: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Joints of animals on BADJA: PCK-T (`vos-bench badja`)."""
    return _run("badja", backbone, out, {"data": data, **options})


def run_tap_vid(
    backbone: Given, data: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Points on TAP-Vid DAVIS: AJ, δ and occlusion accuracy (`vos-bench tap-vid`)."""
    return _run("tap-vid", backbone, out, {"data": data, **options})


def run_clicks(
    backbone: Given, data: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Clicks to a mask in one frame (`vos-bench clicks`)."""
    return _run("clicks", backbone, out, {"data": data, **options})


def run_rounds(
    backbone: Given, data: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Corrections of propagated masks by clicks (`vos-bench rounds`)."""
    return _run("rounds", backbone, out, {"data": data, **options})


def run_attention_segmentation(
    backbone: Given, data: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Class-token attention against true masks (`vos-bench attention-segmentation`)."""
    return _run("attention-segmentation", backbone, out, {"data": data, **options})


def run_knn(
    backbone: Given, train: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """k-NN classification of images: top-1 (`vos-bench knn`); `test=` is the test set."""
    return _run("knn", backbone, out, {"train": train, **options})


def run_linear(
    backbone: Given, train: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Linear classification of images: top-1 (`vos-bench linear`); `test=` is the test set."""
    return _run("linear", backbone, out, {"train": train, **options})


def run_finetune(
    backbone: Given, train: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Fine-tuning with labels (`vos-bench finetune`): of a copy, the given backbone stays."""
    return _run("finetune", backbone, out, {"train": train, **options})


def run_retrieval(
    backbone: Given, root: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Images of a landmark in revisited Oxford and Paris: mAP (`vos-bench retrieval`)."""
    return _run("retrieval", backbone, out, {"root": root, **options})


def run_copy_detection(
    backbone: Given, root: str | Path, out: str | Path, **options: Any
) -> BenchmarkResults:
    """Originals of copied images on Copydays: mAP (`vos-bench copy-detection`)."""
    return _run("copy-detection", backbone, out, {"root": root, **options})


class _Handle:
    """A backbone among options, which are copied, compared and written into records."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone

    def __deepcopy__(self, _: object) -> _Handle:
        return self

    def __repr__(self) -> str:
        return self.backbone.record.name


@dataclass(frozen=True)
class _GivenBackbone(BackboneOptions):
    """Options of a backbone that is there already."""

    given: _Handle | None = None

    def load(self, progress: DownloadProgress | None = None) -> Backbone:
        """Return the backbone."""
        assert self.given is not None  # nothing else makes one
        return self.given.backbone


def _run(
    verb: str, backbone: Given, out: str | Path, options: Mapping[str, Any]
) -> BenchmarkResults:
    words = _flat(options)
    chosen = _chosen(verb, backbone, words)
    runnable = _with_backbone(_parsed(verb, Path(out), words), chosen)
    if runnable.run():
        raise RuntimeError(f"vos-bench {verb} was not complete; {out}/run.json says what failed")
    return BenchmarkResults.read(verb, Path(out))


def _chosen(verb: str, given: Given, options: dict[str, Any]) -> BackboneOptions | None:
    """Return the options of the backbone, None where the verb's own words say all of them."""
    if isinstance(given, str):
        options["backbone"] = given
        return None
    if twice := sorted(_LOADING & set(options)):
        raise InputError(f"{twice[0]} is an option of a backbone's name; a backbone is given here")
    if isinstance(given, BackboneOptions):
        return given
    backbone = as_backbone(given)
    if verb == "finetune":
        import torch

        backbone = copy.deepcopy(backbone).place(backbone.device, torch.float32)
    return _GivenBackbone(
        backbone=backbone.record.name, device=str(backbone.device), given=_Handle(backbone)
    )


def _flat(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as words can say them: of a dataclass its fields; None is left out."""
    flat: dict[str, Any] = {}
    for name, value in options.items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            flat |= _flat({field.name: getattr(value, field.name) for field in fields})
        elif value is not None:
            flat[name] = list(value) if isinstance(value, tuple) else value
    return flat


def _parsed(verb: str, out: Path, options: dict[str, Any]) -> Runnable:
    from benchmarks.cli import VERBS

    loader = next(known for known in VERBS if known.name == verb)
    words = Planned(out.name, verb, options).arguments(out.parent)[1:]
    try:
        return parse(f"vos-bench {verb}", loader.load_for(words), words)
    except SystemExit:
        raise InputError(
            f"these are no options of vos-bench {verb}, as printed above: "
            + ", ".join(f"{name}={value!r}" for name, value in options.items())
        ) from None


def _with_backbone(verb: Any, chosen: BackboneOptions | None) -> Runnable:
    if chosen is None:
        changed = verb
    elif hasattr(verb, "extraction"):
        changed = replace(verb, extraction=replace(verb.extraction, backbone=chosen))
    else:
        changed = replace(verb, backbone=chosen)
    runnable: Runnable = changed
    return runnable
