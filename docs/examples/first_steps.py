"""First steps: frames, a mask for the first one, masks for all, and how good they are."""

from pathlib import Path

import vos
from vos.datasets.demo_clip import demo_frames

folder = Path("first_steps")

# A clip with true masks, made on the spot. Yours is a video file, or a folder of pictures.
clip = list(demo_frames())[:16]
frames = [frame for frame, _ in clip]
truth = [mask for _, mask in clip]

# The built-in network needs no download; "dino_vits8" is the better one.
backbone = vos.load_backbone("efficientnet_lite0")

result = vos.segment_video(
    frames,
    truth[0],
    folder,
    backbone=backbone,
    config=vos.PropagationConfig(mode="adaptive"),
    overwrite=True,
)
print(f"{result.frames} frames, objects {result.objects}: {folder / 'overlay.mp4'}")

masks = [vos.read_mask(path).ids for path in sorted((folder / "masks").glob("*.png"))]
for object_id in result.objects:
    scores = [
        vos.region_similarity(mask == object_id, true == object_id)
        for mask, true in zip(masks[1:], truth[1:], strict=True)
    ]
    print(f"object {object_id}: mean J {sum(scores) / len(scores):.3f}")
