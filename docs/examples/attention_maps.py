"""Attention maps: what the class token of a ViT looks at, head by head.

    python attention_maps.py [--untrained]

Without --untrained it downloads the weights of DINO ViT-S/16 (87 MB) at the first time.
"""

import sys
from pathlib import Path

import cv2

import vos
from vos.datasets.demo_clip import demo_frames
from vos.features.attention import AttentionReader
from vos.visualization.overlay import draw_heatmap

backbone = vos.load_backbone("dino_vits16", untrained="--untrained" in sys.argv[1:])
frame, _ = next(demo_frames())

folder = Path("attention_maps")
folder.mkdir(exist_ok=True)
for head in AttentionReader(backbone, short_side=240).read(frame):
    picture = draw_heatmap(frame, head.weights)
    cv2.imwrite(str(folder / f"{head.name}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    print(f"{head.name}: {100 * head.mask.mean():.0f} % of the picture hold most of the attention")
