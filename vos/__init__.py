"""Segment objects through a video from a first-frame mask, with frozen features.

    import vos

    backbone = vos.load_backbone("dino_vits8")
    tracker = vos.LabelPropagator(backbone, vos.PropagationConfig())
    mask = tracker.step(first_frame, first_mask)
    mask = tracker.step(next_frame)

    vos.segment_video("clip.mp4", "first.png", "out", backbone=backbone)
    vos.evaluate("predictions", "DAVIS")

Names are imported when they are first used, so that scoring does not load PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vos._version import __version__

if TYPE_CHECKING:
    from vos.backbones.adapters.wrapped import wrap_backbone
    from vos.backbones.backbone import Backbone
    from vos.backbones.export import export_backbone
    from vos.backbones.loading import BackboneOptions, load_backbone
    from vos.datasets.dataset import Dataset
    from vos.datasets.loading import load_dataset
    from vos.errors import InputError
    from vos.evaluation.evaluate import evaluate
    from vos.evaluation.j_and_f import contour_accuracy, region_similarity
    from vos.evaluation.rules import ScoringRules
    from vos.evaluation.scores import Evaluation
    from vos.masks.io import read_mask, write_mask
    from vos.propagation.confidence import ObjectConfidence
    from vos.propagation.config import PropagationConfig
    from vos.propagation.propagator import LabelPropagator
    from vos.propagation.snapshot import Snapshot, load_snapshot, save_snapshot
    from vos.segmentation.options import OutputOptions, PromptRules
    from vos.segmentation.segment import SegmentResult, segment_video
    from vos.video.frame_range import FrameRange, ReadingOptions
    from vos.video.frames import Frame
    from vos.video.reader import FrameReader, open_frames
    from vos.video.writer import VideoWriter
    from vos.visualization.overlay import draw_overlay

_HOME = {
    "Backbone": "backbones.backbone",
    "BackboneOptions": "backbones.loading",
    "Dataset": "datasets.dataset",
    "Evaluation": "evaluation.scores",
    "Frame": "video.frames",
    "FrameRange": "video.frame_range",
    "FrameReader": "video.reader",
    "InputError": "errors",
    "LabelPropagator": "propagation.propagator",
    "ObjectConfidence": "propagation.confidence",
    "OutputOptions": "segmentation.options",
    "PromptRules": "segmentation.options",
    "PropagationConfig": "propagation.config",
    "ReadingOptions": "video.frame_range",
    "ScoringRules": "evaluation.rules",
    "SegmentResult": "segmentation.segment",
    "Snapshot": "propagation.snapshot",
    "VideoWriter": "video.writer",
    "contour_accuracy": "evaluation.j_and_f",
    "draw_overlay": "visualization.overlay",
    "evaluate": "evaluation.evaluate",
    "export_backbone": "backbones.export",
    "load_backbone": "backbones.loading",
    "load_dataset": "datasets.loading",
    "load_snapshot": "propagation.snapshot",
    "open_frames": "video.reader",
    "read_mask": "masks.io",
    "region_similarity": "evaluation.j_and_f",
    "save_snapshot": "propagation.snapshot",
    "segment_video": "segmentation.segment",
    "wrap_backbone": "backbones.adapters.wrapped",
    "write_mask": "masks.io",
}

__all__ = [
    "Backbone",
    "BackboneOptions",
    "Dataset",
    "Evaluation",
    "Frame",
    "FrameRange",
    "FrameReader",
    "InputError",
    "LabelPropagator",
    "ObjectConfidence",
    "OutputOptions",
    "PromptRules",
    "PropagationConfig",
    "ReadingOptions",
    "ScoringRules",
    "SegmentResult",
    "Snapshot",
    "VideoWriter",
    "__version__",
    "contour_accuracy",
    "draw_overlay",
    "evaluate",
    "export_backbone",
    "load_backbone",
    "load_dataset",
    "load_snapshot",
    "open_frames",
    "read_mask",
    "region_similarity",
    "save_snapshot",
    "segment_video",
    "wrap_backbone",
    "write_mask",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'vos' has no attribute {name!r}")
    return getattr(import_module(f"vos.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
