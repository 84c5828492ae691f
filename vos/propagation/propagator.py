"""Track objects through a video: one tracker per video, one verb, `step`.

Prompts, object ids, sizes and masks; between them `vos.propagation.context_propagation` takes and
gives labels by channel. Object `objects[c - 1]` has channel c.

Protocol of DAVIS 2017 with frozen features (Caron et al. 2021, section 4.2.1), as the default.

Shapes: H W pixels of a frame, h w patches, P = h * w, D width, C = 1 + objects.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vos.backbones.backbone import Backbone
from vos.backbones.input_size import check_frame, frame_size
from vos.backbones.loading import BackboneSource, as_backbone
from vos.errors import InputError
from vos.masks.given import IdMask, ids_of
from vos.masks.ids import VOID, object_ids, resize_nearest
from vos.propagation.adaptive_propagation import (
    AdaptivePropagation,
    AdaptiveState,
    engine_for,
)
from vos.propagation.confidence import GIVEN, ObjectConfidence, object_confidence
from vos.propagation.config import PromptSampling, PropagationConfig
from vos.propagation.context_propagation import ContextPropagation
from vos.propagation.pixels.prompt_labels import prompt_labels, with_prompt
from vos.propagation.pixels.upsampling import mask_of_labels
from vos.propagation.snapshot import (
    Snapshot,
    require_frames,
    with_object_ids,
    without_object_ids,
)


class LabelPropagator:
    """Track the prompted objects of one video, frame by frame.

    Time and memory of a step do not depend on how many frames went before. Object ids are the
    caller's, 1 to 254; only ids that were prompted can come out.

    Attributes:
        config: the propagation's numbers.
        soft_labels: (C, h, w) float32 labels of the last frame, background first, in the order
            of `objects`; None before the first prompt.
    """

    def __init__(self, backbone: BackboneSource, config: PropagationConfig | None = None) -> None:
        self.backbone = as_backbone(backbone)
        self.config = config or PropagationConfig()
        self.reset()

    def reset(self) -> None:
        """Forget the video; the next step is the first of another."""
        self.soft_labels: Tensor | None = None
        self._engine: ContextPropagation | AdaptivePropagation = ContextPropagation(self.config)
        self._objects: tuple[int, ...] = ()
        self._labeled_objects: tuple[int, ...] = ()  # of `soft_labels`: `remove` leaves those alone
        self._given: tuple[int, ...] = ()  # objects whose masks in the last frame are the prompt's
        self._size: tuple[int, int] | None = None
        self._number = -1

    @property
    def objects(self) -> tuple[int, ...]:
        """Ids of the present objects, in the order of their channels."""
        return self._objects

    @property
    def confidence(self) -> dict[int, ObjectConfidence]:
        """How sure each object's mask in the last frame is; empty before the first prompt.

        Of objects whose masks are those of the frame's prompt it is 1.
        """
        if self.soft_labels is None:
            return {}
        confidence = object_confidence(self.soft_labels, self._labeled_objects)
        return confidence | dict.fromkeys(self._given, GIVEN)

    def remove(self, object_id: int) -> None:
        """Stop tracking an object; where it was counts as background from now on.

        Raises:
            InputError: no such object is tracked.
        """
        if object_id not in self.objects:
            raise InputError(f"object {object_id} is not tracked; tracked are {self.objects}")
        self._engine.remove_channel(self._objects.index(object_id) + 1)
        self._objects = tuple(o for o in self._objects if o != object_id)

    @torch.inference_mode()
    def features(self, frames: Sequence[np.ndarray]) -> list[Tensor]:
        """Compute the features of frames in one batch, for `step`.

        Args:
            frames: RGB uint8 (H, W, 3), all of one size.

        Returns:
            For each frame (h, w, D) of unit length, in the backbone's precision, on its device.

        Raises:
            InputError: a frame is not RGB uint8, or too small.
        """
        return unit_features(self.backbone, frames, self.config)

    @torch.inference_mode()
    def step(
        self, frame: np.ndarray, prompt: IdMask | None = None, *, features: Tensor | None = None
    ) -> np.ndarray:
        """Take the next frame and return its mask.

        A prompt gives the objects whose ids it holds: new ones are added, known ones corrected.
        Its other pixels say nothing about objects that it does not hold. Void pixels (255) are
        left to the propagation. Frames before the first prompt have empty masks.

        Args:
            frame: RGB uint8 (H, W, 3).
            prompt: (H, W) of integers with object ids 1 to 254, 0 background, 255 void; or of
                bool, true for object 1; or what `read_mask` returned.
            features: what `features([frame])` gave, where it was computed ahead.

        Returns:
            uint8 (H, W) of ids, 0 background.

        Raises:
            InputError: the frame is not RGB uint8 or has another size than the first; the prompt
                has another size than the frame, or no object; the features have another h or w
                than those before.
        """
        check_frame(frame)
        prompt = None if prompt is None else ids_of(prompt)
        given = () if prompt is None else self._check_prompt(prompt, frame)
        self._size = frame_size(frame, self._size, self._number + 1)
        self._number += 1
        self._given = given if self.config.prompt_output == "prompt" else ()
        if not given and not self.objects:
            self.soft_labels, self._labeled_objects = None, ()
            return np.zeros(frame.shape[:2], np.uint8)
        if features is None:
            (features,) = self.features([frame])
        h, w = features.shape[:2]
        predicted = self._engine.propagate(features)
        mask = np.zeros(frame.shape[:2], np.uint8)
        through_labels = prompt is not None and self.config.prompt_output == "labels"
        if predicted is not None and not through_labels:
            mask = self.mask_of(_maps(predicted, h, w), self._objects, frame)
        if prompt is not None:
            objects = self._objects + tuple(o for o in given if o not in self._objects)
            self._warn_of_small(prompt, (h, w), given)
            labels = self._prompt_labels(prompt, features, objects, predicted)
            channels = [objects.index(object_id) + 1 for object_id in given]
            self._engine.remember_prompt(self._number, features, labels, channels)
            self._objects = objects
            if through_labels:
                mask = self.mask_of(_maps(labels, h, w), objects, frame)
            else:
                mask = with_prompt(mask, prompt, given)
        else:
            assert predicted is not None  # without a prompt there are objects, so a prediction
            labels = predicted
            self._engine.remember(self._number, features, labels)
        self.soft_labels = labels.T.unflatten(1, (h, w))  # (C, h, w)
        self._labeled_objects = self._objects
        return mask

    @torch.inference_mode()
    def mask_of(self, labels: Tensor, objects: tuple[int, ...], frame: np.ndarray) -> np.ndarray:
        """Return the mask that soft labels give, as `step` makes it of its own.

        Args:
            labels: (C, h, w) float32, background first.
            objects: ids of channels 1, 2, and so on.
            frame: RGB uint8 (H, W, 3).

        Returns:
            uint8 (H, W) of ids, 0 background.
        """
        return mask_of_labels(
            labels, objects, frame, self.config,
            scale=self.backbone.stride, adaptive=self.is_adaptive,
        )  # fmt: skip

    @property
    def is_adaptive(self) -> bool:
        """Whether the labels are a target model's too; the first prompt decides."""
        return isinstance(self._engine, AdaptivePropagation)

    def snapshot(self) -> Snapshot:
        """Return the state after the last step, from which `restore` goes on to the same masks."""
        return Snapshot(self._number, with_object_ids(self._engine.state(), self._objects))

    @torch.inference_mode()
    def restore(self, snapshot: Snapshot, frames: Mapping[int, np.ndarray]) -> None:
        """Go on from a snapshot, as if all steps up to it had just been taken.

        Args:
            snapshot: what `snapshot` returned, of the same video, backbone and configuration.
            frames: RGB uint8 (H, W, 3) of at least the steps that `snapshot.frames` lists.

        Raises:
            InputError: a frame is missing.
        """
        require_frames("the snapshot", snapshot.frames, frames)

        def features(number: int) -> Tensor:
            self._size = frame_size(frames[number], self._size, number)
            (computed,) = self.features([frames[number]])
            return computed

        self.restore_with(snapshot, features)

    @torch.inference_mode()
    def restore_with(self, snapshot: Snapshot, features: Callable[[int], Tensor]) -> None:
        """Do as `restore`; `features` gives those of a step, (h, w, D), and may raise."""
        self.reset()
        state = without_object_ids(snapshot.memory)
        if isinstance(state, AdaptiveState):
            adaptive = AdaptivePropagation(self.config, self.backbone.stride)
            adaptive.restore(state, features)
            self._engine = adaptive
        else:
            published = ContextPropagation(self.config)
            published.restore(state, features)
            self._engine = published
        self._objects = snapshot.memory.objects
        self._number = snapshot.number

    def _prompt_labels(
        self,
        prompt: np.ndarray,
        features: Tensor,
        objects: tuple[int, ...],
        predicted: Tensor | None,
    ) -> Tensor:
        """Labels (P, C) of a prompted frame; the first prompt of all chooses the engine."""
        grid, stride = (features.shape[0], features.shape[1]), self.backbone.stride

        def labels(sampling: PromptSampling | Literal["area"]) -> Tensor:
            sampled = prompt_labels(
                prompt, objects, predicted, grid, sampling=sampling, stride=stride
            )
            return sampled.to(features.device)

        if not self._objects and self.config.mode == "adaptive":
            shares = labels("area")
            self._engine = engine_for(features, shares, self.config, stride)
            if isinstance(self._engine, AdaptivePropagation):
                return shares
        adaptive = isinstance(self._engine, AdaptivePropagation)
        return labels("area" if adaptive else self.config.prompt_sampling)

    def _warn_of_small(
        self, prompt: np.ndarray, grid: tuple[int, int], given: tuple[int, ...]
    ) -> None:
        """Warn of objects (H, W) smaller than a patch, whether the grid (h, w) hits them or not."""
        small = resize_nearest(prompt, *grid)  # (h, w)
        patch = prompt.size / small.size
        areas = np.bincount(prompt.reshape(-1), minlength=VOID + 1)
        hit = object_ids(small)
        tiny = [number for number in given if areas[number] < patch or number not in hit]
        if tiny:
            warnings.warn(
                f"objects {tiny} of the mask for step {self._number} are smaller than a patch "
                f"({self.backbone.stride} pixels of the network's input): they are lost, or come "
                "out much larger; use larger frames or a smaller patch",
                stacklevel=3,
            )

    def _check_prompt(self, prompt: np.ndarray, frame: np.ndarray) -> tuple[int, ...]:
        if prompt.shape != frame.shape[:2]:
            raise InputError(
                f"the mask has shape {tuple(prompt.shape)}, the frame "
                f"{tuple(frame.shape[:2])}; they have to be the same"
            )
        given = object_ids(prompt)
        if not given:
            raise InputError(
                "the mask holds no object: every pixel is 0 (background) or 255 (void)"
            )
        return given


def _maps(labels: Tensor, h: int, w: int) -> Tensor:
    """Labels (P, C) -> (C, h, w)."""
    return labels.T.reshape(-1, h, w).contiguous()


def unit_features(
    backbone: Backbone, frames: Sequence[np.ndarray], config: PropagationConfig
) -> list[Tensor]:
    """Compute the features of frames in one batch; see `LabelPropagator.features`."""
    images = [backbone.preprocess(frame, rule=config.input_rule) for frame in frames]
    return unit_length(backbone(torch.cat(images)))


def unit_length(maps: Tensor) -> list[Tensor]:
    """Return a backbone's maps (B, D, h, w) as `LabelPropagator.features` gives them."""
    # In float32: a norm of 16 bits would move all of a patch's cosines by up to 0.4 %.
    features = F.normalize(maps.float(), dim=1).to(maps.dtype)
    return list(features.permute(0, 2, 3, 1).contiguous())
