"""Scores: of two masks, and of folders of masks."""

from pathlib import Path

import numpy as np

import vos
from vos.datasets.demo_clip import demo_frames

# Two masks.
true = np.zeros((120, 160), bool)
true[30:90, 40:120] = True
predicted = np.roll(true, 4, axis=1)
print(f"J {vos.region_similarity(predicted, true):.3f}")
print(f"F {vos.contour_accuracy(predicted, true):.3f}")

# Folders, a folder of PNGs for each video. A benchmark's folder may stand for the truth.
folder = Path("scoring")
for number, (_, mask) in zip(range(4), demo_frames(), strict=False):
    for kind, ids in (("truth", mask), ("predictions", np.roll(mask, 3 * number, axis=1))):
        path = folder / kind / "clip" / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        vos.write_mask(path, ids)
evaluation = vos.evaluate(folder / "predictions", folder / "truth")
print(f"J&F {evaluation.jf_mean:.3f}")
for score in evaluation.objects:
    print(f"{score.name}: J {score.j.mean:.3f}, F {score.f.mean:.3f}")
