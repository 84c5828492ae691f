"""Published figures of joints, parts and points, to set a run's own beside them.

Each row is read in the paper or program that it is of, or in a paper that compares with it; a row
of another paper says so. All figures are in percent.
"""

from __future__ import annotations

from benchmarks.reporting.published_figures import PublishedTable

JHMDB = PublishedTable(
    "JHMDB",
    "split 1 test, joints of the first frame propagated",
    ("PCK@0.1", "PCK@0.2"),
    (
        ("MAE ViT-B/16, in a later paper", (44.6, None)),
        ("SiamMAE ViT-S/16", (47.0, None)),
        ("SiamMAE ViT-S/16, made again by others", (46.1, None)),
        ("CropMAE ViT-S/16, ImageNet", (43.5, None)),
        ("Spa-then-Temp ResNet-18", (63.5, 83.1)),
    ),
)

VIP = PublishedTable(
    "VIP",
    "validation, parts of the first frame propagated",
    ("mIoU",),
    (
        ("MAE ViT-B/16, in a later paper", (28.1,)),
        ("SiamMAE ViT-S/16", (37.3,)),
        ("SiamMAE ViT-S/16, made again by others", (33.2,)),
        ("CropMAE ViT-S/16, ImageNet", (33.2,)),
        ("Spa-then-Temp ResNet-18", (40.9,)),
    ),
)

BADJA = PublishedTable(
    "BADJA",
    "seven videos of DAVIS, joints of the first annotated frame",
    ("PCK-T",),
    (("PIPs, trained for tracking, its program's later model", (64.4,)),),
)

TAP_VID_FIRST = PublishedTable(
    "TAP-Vid DAVIS, first",
    "30 videos at 256 x 256, models trained for tracking",
    ("AJ", "δ_avg", "OA"),
    (
        ("TAP-Net", (33.0, None, None)),
        ("TAPIR", (58.5, None, None)),
        ("BootsTAPIR", (62.4, None, None)),
    ),
)

TAP_VID_STRIDED = PublishedTable(
    "TAP-Vid DAVIS, strided",
    "30 videos",
    ("AJ", "δ_avg", "OA"),
    (
        ("DINOv2 ViT-L/14, frozen, 256 px", (None, 61.4, None)),
        ("TAPIR, trained for tracking", (None, 74.7, None)),
        ("DINO-Tracker, trained on each video", (None, 80.4, None)),
    ),
)
