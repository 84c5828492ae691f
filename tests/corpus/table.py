"""The whole table."""

from tests.corpus import (
    annotations,
    indexed,
    masks,
    pictures,
    prompts,
    runs,
    scores,
    sources,
    training_data,
    video_damage,
    video_files,
    weights,
)

KINDS = (masks, indexed, prompts, annotations, sources, video_files, video_damage, pictures,
         training_data, weights, scores, runs)  # fmt: skip
ROWS = [row for kind in KINDS for row in kind.ROWS]
