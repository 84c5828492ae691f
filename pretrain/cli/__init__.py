"""The command line `vos-pretrain`: verbs and printing only."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Sequence
from dataclasses import dataclass

from pretrain.config.presets import PRESETS, preset
from vos.cli.verbs import Runnable, Verb, preset_in, run_verbs

_DESCRIPTION = "Pretrain DINO without labels: from images to a checkpoint that `vos` reads."


@dataclass(frozen=True)
class TrainVerb(Verb):
    """The verb `train`, whose defaults are those of the preset that the command line names."""

    preset: str = ""

    def load(self) -> type[Runnable]:
        """Return the verb's dataclass with the preset's values as defaults.

        Raises:
            InputError: there is no such preset.
        """
        loaded = super().load()
        if not self.preset:
            return loaded
        hints = typing.get_type_hints(loaded, include_extras=True)
        values = {"preset": self.preset, "config": preset(self.preset)}
        fields = [(name, hints[name], value) for name, value in values.items()]
        with_preset = dataclasses.make_dataclass(
            loaded.__name__, fields, bases=(loaded,), frozen=True
        )
        with_preset.__doc__ = loaded.__doc__
        return with_preset


VERBS: tuple[Verb, ...] = (
    TrainVerb("train", "Train a backbone on images.", "pretrain.cli.train:Train"),
    Verb("export", "Write the backbone of a run.", "pretrain.cli.export:Export"),
    Verb("check-data", "Read all data once and report.", "pretrain.cli.check_data:CheckData"),
    Verb("show-crops", "Draw crops as training sees them.", "pretrain.cli.show_crops:ShowCrops"),
    Verb("plot", "Draw the curves of a run.", "pretrain.cli.plot:Plot"),
    Verb("slurm", "Submit a training run to Slurm.", "pretrain.cli.slurm:Slurm"),
)


def verbs(chosen_preset: str) -> tuple[Verb, ...]:
    """Return the verbs; `train` starts from the preset named, if any."""
    return tuple(
        dataclasses.replace(verb, preset=chosen_preset) if isinstance(verb, TrainVerb) else verb
        for verb in VERBS
    )


def run(arguments: Sequence[str]) -> int:
    """Run `vos-pretrain` with these arguments and return the exit status."""
    chosen = preset_in(arguments)
    if chosen and chosen not in PRESETS:
        print(
            f"vos-pretrain: no preset {chosen!r}; the presets are: {', '.join(PRESETS)}",
            file=sys.stderr,
        )
        return 2
    return run_verbs("vos-pretrain", _DESCRIPTION, verbs(chosen), arguments)


def main() -> None:
    """Run `vos-pretrain` with the process's arguments and exit with its status."""
    sys.exit(run(sys.argv[1:]))
