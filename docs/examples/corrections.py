"""Corrections by code: look at the confidence, and give a mask where it is low."""

import numpy as np

import vos
from vos.datasets.demo_clip import demo_frames

clip = list(demo_frames())[::3]
backbone = vos.load_backbone("efficientnet_lite0")


def run(corrections: dict[int, np.ndarray]) -> tuple[float, int]:
    """Track the cat (3), which passes behind the coffee; return its mean J and least sure frame."""
    tracker = vos.LabelPropagator(backbone, vos.PropagationConfig(short_side=240))
    scores, sure = [], []
    for number, (frame, true) in enumerate(clip):
        mask = tracker.step(frame, corrections.get(number))
        scores.append(vos.region_similarity(mask == 3, true == 3))
        sure.append(tracker.confidence[3].confidence)
    middle = sure[: len(sure) // 2]  # a correction helps the frames behind it
    return sum(scores) / len(scores), middle.index(min(middle))


first = {0: clip[0][1]}
before, worst = run(first)
print(f"mean J {before:.3f}; least sure of frame {worst}")

# A person would draw a mask for that frame. Ids that are known are corrected, new ones added.
after, _ = run(first | {worst: clip[worst][1]})
print(f"mean J {after:.3f} with a mask for frame {worst}")
