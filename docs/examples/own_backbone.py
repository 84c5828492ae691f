"""A backbone of your own: any module that gives maps of features."""

import torch
from torch import Tensor, nn

import vos
from vos.datasets.demo_clip import demo_frames


class Colors(nn.Module):
    """Means and deviations of the colours of 8 x 8 pixels, and of what lies around them."""

    def forward(self, images: Tensor) -> Tensor:
        """Give (B, 12, h, w) of normalised images (B, 3, H', W')."""
        fine = nn.functional.avg_pool2d(images, 8)
        spread = nn.functional.avg_pool2d(images**2, 8) - fine**2
        wide = nn.functional.avg_pool2d(fine, 5, stride=1, padding=2, count_include_pad=False)
        return torch.cat([fine, spread.clamp(min=0).sqrt(), wide, fine - wide], dim=1)


# A network of yours is wrapped in the same way: stride, and the colours that it was trained with.
backbone = vos.wrap_backbone(
    Colors(), stride=8, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), name="colors"
)

clip = list(demo_frames())[:12]
for known in (backbone, vos.load_backbone("efficientnet_lite0")):
    tracker = vos.LabelPropagator(known)
    tracker.step(*clip[0])
    scores = [
        vos.region_similarity(tracker.step(frame) == 1, true == 1) for frame, true in clip[1:]
    ]
    print(f"{known.record.name}: mean J of object 1 {sum(scores) / len(scores):.3f}")
