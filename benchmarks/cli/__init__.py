"""The command line `vos-bench`: the paper's tables and figures, each by one verb."""

from __future__ import annotations

import sys

from vos.cli.verbs import PresetVerb, Verb, run_verbs

VERBS = (
    Verb("all", "Several of these from one file, and one report.", "benchmarks.cli.suite:Suite"),
    Verb(
        "throughput",
        "Table 1, Figure 5: speed and memory; accuracy against speed.",
        "benchmarks.speed.throughput:Throughput",
    ),
    Verb(
        "knn", "Table 2: k-NN classification, frozen features.", "benchmarks.classification.knn:Knn"
    ),
    Verb(
        "linear",
        "Table 2: linear classification, frozen features.",
        "benchmarks.classification.linear:Linear",
    ),
    Verb(
        "retrieval",
        "Table 3: revisited Oxford and Paris.",
        "benchmarks.retrieval.landmark_retrieval:Retrieval",
    ),
    Verb(
        "copy-detection",
        "Table 4: copy detection on Copydays.",
        "benchmarks.retrieval.copy_detection:CopyDetection",
    ),
    PresetVerb(
        "davis",
        "Table 5: video object segmentation on DAVIS 2017.",
        "benchmarks.davis.davis:Davis",
        "vos.propagation.presets:mask_defaults",
    ),
    Verb(
        "finetune", "Table 6: fine-tuning with labels.", "benchmarks.finetuning.finetune:Finetune"
    ),
    Verb(
        "attention-segmentation",
        "Figure 4: class-token attention against true masks.",
        "benchmarks.attention.segmentation:AttentionSegmentation",
    ),
    PresetVerb(
        "jhmdb",
        "Joints of people on JHMDB: PCK.",
        "benchmarks.points.jhmdb:Jhmdb",
        "vos.propagation.presets:point_defaults",
    ),
    PresetVerb(
        "vip",
        "Parts of people on VIP: mean IoU.",
        "benchmarks.parts.vip:Vip",
        "vos.propagation.presets:mask_defaults",
    ),
    PresetVerb(
        "badja",
        "Joints of animals on BADJA: PCK-T.",
        "benchmarks.points.badja:Badja",
        "vos.propagation.presets:point_defaults",
    ),
    PresetVerb(
        "tap-vid",
        "Any points on TAP-Vid DAVIS: AJ, δ, occlusion accuracy.",
        "benchmarks.points.tap_vid:TapVid",
        "vos.propagation.presets:point_defaults",
    ),
    Verb(
        "clicks",
        "Clicks to a mask in one frame, beside methods of colour alone.",
        "benchmarks.clicks.clicks:Clicks",
    ),
    Verb(
        "rounds",
        "Corrections of propagated masks: J&F after each round of one click.",
        "benchmarks.rounds.rounds:Rounds",
    ),
    Verb(
        "compare",
        "Two runs on the same videos side by side.",
        "benchmarks.davis.compare:Compare",
    ),
    Verb(
        "table",
        "Several runs in one table: Markdown, LaTeX or CSV.",
        "benchmarks.reporting.tables.table:TableVerb",
    ),
    Verb(
        "sweep",
        "Choose propagation settings on a train set, with features computed once.",
        "benchmarks.davis.sweep:Sweep",
    ),
    Verb(
        "speed",
        "Speed: features, propagation and memory, beside the plain protocol; the data loader.",
        "benchmarks.speed.speed:Speed",
    ),
    Verb(
        "speed-scoring",
        "Speed: scoring, beside the plain algorithm and vos-benchmark.",
        "benchmarks.speed.scoring:ScoringSpeed",
    ),
    Verb("slurm", "Submit any of these to Slurm.", "benchmarks.cli.slurm:Slurm"),
)


def main() -> None:
    """Run `vos-bench` with the process's arguments and exit with its status."""
    sys.exit(run_verbs("vos-bench", "The paper's tables and figures, each by one verb.", VERBS))
