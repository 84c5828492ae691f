"""The command line `vos`: verbs and printing only, one file a verb."""

from __future__ import annotations

import sys

from vos.cli.verbs import PresetVerb, Verb, run_verbs

VERBS = (
    PresetVerb(
        "segment",
        "Segment objects through a video from a mask.",
        "vos.cli.segment:Segment",
        "vos.propagation.presets:mask_defaults",
    ),
    PresetVerb(
        "track",
        "Follow points through a video.",
        "vos.cli.track:Track",
        "vos.propagation.presets:point_defaults",
    ),
    Verb("app", "Make and correct masks in the browser.", "vos.cli.browser.app:App"),
    Verb(
        "convert",
        "Write a run's masks in formats of other programs.",
        "vos.cli.exports.convert:Convert",
    ),
    Verb("frame", "Write frames as pictures, to draw masks on.", "vos.cli.frame:WriteFrames"),
    Verb("evaluate", "Score predicted masks: J, F and J&F.", "vos.cli.evaluate:Evaluate"),
    Verb("attention", "Show what the class token attends to.", "vos.cli.attention:Attention"),
    Verb("features", "Write features of pictures or a video.", "vos.cli.features:Features"),
    Verb("export", "Write a backbone for other programs.", "vos.cli.export:Export"),
    Verb("demo", "Segment a clip made on the spot and score it.", "vos.cli.demo:Demo"),
    Verb("weights", "List, download, inspect and verify weights.", "vos.cli.weights:Weights"),
    Verb("slurm", "Submit any of these to Slurm.", "vos.cli.cluster.slurm:Slurm"),
    Verb("doctor", "Say whether this installation works.", "vos.cli.doctor:Doctor"),
)


def main() -> None:
    """Run `vos` with the process's arguments and exit with its status."""
    sys.exit(run_verbs("vos", "Segment objects through a video from a first-frame mask.", VERBS))
