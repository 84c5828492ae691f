"""Track objects through a video: one object per video, one verb, `step`.

Protocol of DAVIS 2017 with frozen features (Caron et al. 2021, section 4.2.1), as the default.

Shapes: H W pixels of a frame, h w patches, P = h * w, D width, C = 1 + objects.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vos.affinity import propagate_labels
from vos.backbones import Backbone
from vos.files import InputError
from vos.labels import Upsampling, winning_channel
from vos.masks import VOID, ids_from_channels, object_ids, resize_nearest
from vos.memory import ContextFrame, ContextMemory
from vos.neighborhood import Neighborhood, Shape


@dataclass(frozen=True)
class PropagationConfig:
    """Every number of label propagation; the defaults are the published protocol's."""

    n_last_frames: int = 7
    """Context frames before the current one, beside the prompted frames."""
    neighborhood_radius: int = 12
    """How far a patch may look, in patches; 0 means the whole frame."""
    neighborhood_shape: Shape = "square"
    """square: the radius holds in each axis by itself; circle: as the crow flies."""
    topk: int = 5
    """How many of the most similar patches a label is taken from."""
    temperature: float = 0.1
    """Softmax temperature of the similarities; smaller is sharper."""
    short_side: int = 480
    """Pixels of the shorter side of what the network sees; 0 keeps the frame's size."""
    size_multiple: int = 64
    """The longer side is rounded down to a multiple of this many pixels."""
    upsampling: Upsampling = "bilinear"
    """How labels of patches become labels of pixels."""
    stretch_channels: bool = True
    """Stretch each channel to 0..1 before the largest one wins."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InputError: a number is out of its range.
        """
        least = {
            "n_last_frames": 0,
            "neighborhood_radius": 0,
            "topk": 1,
            "short_side": 0,
            "size_multiple": 1,
        }
        for name, low in least.items():
            value = getattr(self, name)
            if value < low:
                raise InputError(f"{name} is {value}; expected at least {low}")
        if not 0 < self.temperature < float("inf"):
            raise InputError(f"temperature is {self.temperature}; expected a number above 0")


class LabelPropagator:
    """Track the prompted objects of one video, frame by frame.

    Time and memory of a step do not depend on how many frames went before. Object ids are the
    caller's, 1 to 254; only ids that were prompted can come out.

    Attributes:
        config: the propagation's numbers.
        soft_labels: (C, h, w) float32 labels of the last frame, background first, in the order
            of `objects`; None before the first prompt.
    """

    def __init__(self, backbone: Backbone, config: PropagationConfig | None = None) -> None:
        self.backbone = backbone
        self.config = config or PropagationConfig()
        self.reset()

    def reset(self) -> None:
        """Forget the video; the next step is the first of another."""
        self.soft_labels: Tensor | None = None
        self._memory = ContextMemory(self.config.n_last_frames)
        self._neighborhood: Neighborhood | None = None
        self._size: tuple[int, int] | None = None
        self._number = -1

    @property
    def objects(self) -> tuple[int, ...]:
        """Ids of the present objects, in the order of their channels."""
        return self._memory.objects

    def remove(self, object_id: int) -> None:
        """Stop tracking an object; where it was counts as background from now on.

        Raises:
            InputError: no such object is tracked.
        """
        if object_id not in self.objects:
            raise InputError(f"object {object_id} is not tracked; tracked are {self.objects}")
        self._memory.remove_object(object_id)

    @torch.inference_mode()
    def features(self, frame: np.ndarray) -> Tensor:
        """Compute a frame's features, for `step`; safe to call ahead of it from another thread.

        Args:
            frame: RGB uint8 (H, W, 3).

        Returns:
            (h, w, D) of unit length, in the backbone's precision, on its device.

        Raises:
            InputError: the frame is not RGB uint8, or too small.
        """
        images = self.backbone.preprocess(
            frame, short_side=self.config.short_side, size_multiple=self.config.size_multiple
        )
        return F.normalize(self.backbone(images)[0], dim=0).permute(1, 2, 0).contiguous()

    @torch.inference_mode()
    def step(
        self, frame: np.ndarray, prompt: np.ndarray | None = None, *, features: Tensor | None = None
    ) -> np.ndarray:
        """Take the next frame and return its mask.

        A prompt gives the objects whose ids it holds: new ones are added, known ones corrected.
        Its other pixels say nothing about objects that it does not hold. Void pixels (255) are
        left to the propagation. Frames before the first prompt have empty masks.

        Args:
            frame: RGB uint8 (H, W, 3).
            prompt: uint8 (H, W) with object ids 1 to 254, 0 background, 255 void.
            features: what `features(frame)` gave, where it was computed ahead.

        Returns:
            uint8 (H, W) of ids, 0 background.

        Raises:
            InputError: the frame is not RGB uint8 or has another size than the first; the prompt
                has another size than the frame, or no object.
        """
        self._check_size(frame)
        self._number += 1
        given = () if prompt is None else self._check_prompt(prompt, frame)
        if not given and not self.objects:
            return np.zeros(frame.shape[:2], np.uint8)
        if features is None:
            features = self.features(frame)
        self._fit_neighborhood(features)
        assert self._neighborhood is not None
        predicted = self._propagate(features) if self.objects else None
        mask = np.zeros(frame.shape[:2], np.uint8)
        if predicted is not None:
            mask = self._mask(predicted, frame.shape[:2])
        laid_out = self._neighborhood.lay_out(features)
        if prompt is None:
            assert predicted is not None
            self._memory.remember(ContextFrame(self._number, laid_out, predicted))
            return mask
        return self._take_prompt(prompt, given, laid_out, predicted, mask)

    def _propagate(self, features: Tensor) -> Tensor:
        assert self._neighborhood is not None
        context = list(self._memory)
        labels = propagate_labels(
            features,
            [frame.features for frame in context],
            [frame.labels for frame in context],
            self._neighborhood,
            topk=self.config.topk,
            temperature=self.config.temperature,
        )
        self._keep_soft(labels)
        return labels

    def _take_prompt(
        self,
        prompt: np.ndarray,
        given: tuple[int, ...],
        laid_out: Tensor,
        predicted: Tensor | None,
        mask: np.ndarray,
    ) -> np.ndarray:
        """Merge a prompt into the labels and the mask, and keep its frame as context."""
        known = self.objects
        new = tuple(o for o in given if o not in known)
        self._memory.add_objects(new)
        labels = self._prompt_labels(prompt, given, predicted, laid_out.device)
        self._memory.remember_prompt(ContextFrame(self._number, laid_out, labels), given)
        self._keep_soft(labels)
        merged = np.where(np.isin(mask, given), 0, mask).astype(np.uint8)
        void = prompt == VOID
        merged[void] = mask[void]
        spoken = np.isin(prompt, given)
        merged[spoken] = prompt[spoken]
        return merged

    def _prompt_labels(
        self,
        prompt: np.ndarray,
        given: tuple[int, ...],
        predicted: Tensor | None,
        device: torch.device,
    ) -> Tensor:
        """Labels (P, C) of a prompted frame: the prompt's, else the prediction's."""
        assert self._neighborhood is not None
        small = resize_nearest(prompt, self._neighborhood.height, self._neighborhood.width)
        self._warn_of_vanished(small, given)
        flat = torch.from_numpy(small.reshape(-1).astype(np.int64)).to(device)
        channels = 1 + len(self.objects)
        labels = torch.zeros(flat.numel(), channels, device=device)
        if predicted is not None:
            labels[:, : predicted.shape[1]] = predicted
            for object_id in given:  # what was predicted of a corrected object is void
                channel = self.objects.index(object_id) + 1
                labels[:, 0] += labels[:, channel]
                labels[:, channel] = 0
            silent = flat == VOID
            labels[silent, : predicted.shape[1]] = predicted[silent]
        else:
            labels[flat == 0, 0] = 1
        for object_id in given:
            spoken = flat == object_id
            labels[spoken] = 0
            labels[spoken, self.objects.index(object_id) + 1] = 1
        return labels

    def _warn_of_vanished(self, small: np.ndarray, given: tuple[int, ...]) -> None:
        vanished = sorted(set(given) - set(object_ids(small)))
        if vanished:
            warnings.warn(
                f"objects {vanished} of the mask for frame {self._number} are smaller than a patch "
                f"({self.backbone.stride} pixels of the network's input) and cannot be followed; "
                "use larger frames or a smaller patch",
                stacklevel=4,
            )

    def _mask(self, labels: Tensor, size: tuple[int, int]) -> np.ndarray:
        assert self._neighborhood is not None
        grid = (self._neighborhood.height, self._neighborhood.width)
        winner = winning_channel(
            labels.T.reshape(-1, *grid).contiguous(),
            self.backbone.stride,
            upsampling=self.config.upsampling,
            stretch=self.config.stretch_channels,
        )
        channels = winner.to(torch.uint8).cpu().numpy()
        return resize_nearest(ids_from_channels(channels, self.objects), *size)

    def _keep_soft(self, labels: Tensor) -> None:
        assert self._neighborhood is not None
        grid = (self._neighborhood.height, self._neighborhood.width)
        self.soft_labels = labels.T.unflatten(1, grid)

    def _check_size(self, frame: np.ndarray) -> None:
        size = frame.shape[:2]
        if self._size is None:
            self._size = size
        elif size != self._size:
            raise InputError(
                f"frame {self._number + 1} is {size[1]}x{size[0]} pixels, the first was "
                f"{self._size[1]}x{self._size[0]}; all frames of a video have one size "
                "(call reset() for another video)"
            )

    def _check_prompt(self, prompt: np.ndarray, frame: np.ndarray) -> tuple[int, ...]:
        if prompt.shape != frame.shape[:2]:
            raise InputError(
                f"the mask has shape {tuple(prompt.shape)}, the frame "
                f"{tuple(frame.shape[:2])}; they have to be the same"
            )
        if prompt.dtype != np.uint8:
            raise InputError(f"a mask is uint8 of object ids; got {prompt.dtype}")
        given = object_ids(prompt)
        if not given:
            raise InputError(
                "the mask holds no object: every pixel is 0 (background) or 255 (void)"
            )
        return given

    def _fit_neighborhood(self, features: Tensor) -> None:
        h, w, _ = features.shape
        if self._neighborhood is None:
            self._neighborhood = Neighborhood(
                h, w, self.config.neighborhood_radius, self.config.neighborhood_shape
            )
