"""Published figures, to set a run's own beside them.

From M. Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021
(arXiv 2104.14294), unless a row says otherwise. All figures are in percent.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedTable:
    """One table or figure of the paper."""

    label: str
    """Its number, as the paper gives it."""
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]
    """(method, one figure a column; None where the paper gives none)."""
    lower_is_better: bool = False


IMAGENET = PublishedTable(
    "Table 2",
    "ImageNet validation, frozen features",
    ("linear top-1", "k-NN top-1"),
    (
        ("DINO ViT-S/16", (77.0, 74.5)),
        ("DINO ViT-S/8", (79.7, 78.3)),
        ("DINO ViT-B/16", (78.2, 76.1)),
        ("DINO ViT-B/8", (80.1, 77.4)),
        ("DINO ResNet-50", (75.3, 67.5)),
        ("BYOL ViT-S/16", (71.4, 66.6)),
        ("MoCo-v2 ViT-S/16", (72.7, 64.4)),
        ("SwAV ViT-S/16", (73.5, 66.3)),
    ),
)


RETRIEVAL_SETS = ("roxford5k", "rparis6k")
"""The datasets whose figures the columns of `RETRIEVAL` are, in their order."""

RETRIEVAL = PublishedTable(
    "Table 3",
    "Revisited Oxford and Paris, mAP",
    ("Oxford M", "Oxford H", "Paris M", "Paris H"),
    (
        ("supervised ResNet-101 + R-MAC", (49.8, 18.5, 74.0, 52.1)),
        ("supervised ViT-S/16", (33.5, 8.9, 63.0, 37.2)),
        ("DINO ResNet-50", (35.4, 11.1, 55.9, 27.5)),
        ("DINO ViT-S/16", (41.8, 13.7, 63.1, 34.4)),
        ("DINO ViT-S/16, trained on Google Landmarks v2", (51.5, 24.3, 75.3, 51.6)),
    ),
)


COPY_DETECTION = PublishedTable(
    "Table 4",
    "Copydays, strong subset",
    ("mAP",),
    (
        ("MultiGrain ResNet-50, 224 px", (75.1,)),
        ("MultiGrain ResNet-50, longer side 800 px", (82.5,)),
        ("supervised ViT-B/16, 224 px", (76.4,)),
        ("DINO ViT-B/16, 224 px", (81.7,)),
        ("DINO ViT-B/8, 320 px", (85.5,)),
    ),
)


DAVIS = PublishedTable(
    "Table 5",
    "DAVIS 2017 val, 480p",
    ("J&F", "J", "F"),
    (
        ("DINO ViT-S/16", (61.8, 60.2, 63.4)),
        ("DINO ViT-B/16", (62.3, 60.7, 63.9)),
        ("DINO ViT-S/8", (69.9, 66.6, 73.1)),
        ("DINO ViT-B/8", (71.4, 67.9, 74.9)),
        ("supervised ViT-S/8", (66.0, 63.9, 68.1)),
        ("MAST", (65.5, 63.3, 67.6)),
        ("STC", (67.6, 64.8, 70.2)),
        ("STM, supervised for the task", (81.8, 79.2, 84.3)),
    ),
)


FINE_TUNING = PublishedTable(
    "Table 6",
    "Fine-tuned, top-1",
    ("CIFAR-10", "CIFAR-100", "iNat18", "iNat19", "Flowers", "Cars", "ImageNet"),
    (
        ("supervised ViT-S/16", (99.0, 89.5, 70.7, 76.6, 98.2, 92.1, 79.9)),
        ("DINO ViT-S/16", (99.0, 90.5, 72.0, 78.2, 98.5, 93.0, 81.5)),
        ("supervised ViT-B/16", (99.0, 90.8, 73.2, 77.7, 98.4, 92.1, 81.8)),
        ("DINO ViT-B/16", (99.1, 91.7, 72.6, 78.6, 98.8, 93.0, 82.8)),
    ),
)


# The paper's caption says ViT-S/8 of the pictures above the table; the table has a row for each.
ATTENTION = PublishedTable(
    "Figure 4",
    "PASCAL VOC 2012 val, masks of 60 % of the class token's attention, best head",
    ("Jaccard",),
    (
        ("random weights, ViT-S/16", (22.0,)),
        ("random weights, ViT-S/8", (21.8,)),
        ("supervised ViT-S/16", (27.3,)),
        ("supervised ViT-S/8", (23.7,)),
        ("DINO ViT-S/16", (45.9,)),
        ("DINO ViT-S/8", (44.7,)),
    ),
)


THROUGHPUT = PublishedTable(
    "Table 1",
    "images/s on an NVIDIA V100, 224 px, 128 images at once",
    ("images/s",),
    (
        ("ResNet-50", (1237.0,)),
        ("ViT-S/16", (1007.0,)),
        ("ViT-S/8", (180.0,)),
        ("ViT-B/16", (312.0,)),
        ("ViT-B/8", (63.0,)),
    ),
)
