"""Multi-crop loading: ours against the usual Pillow pipeline, side by side, in one run.

The usual pipeline is the one of the published DINO code: each crop is cut, resized, jittered and
blurred by torchvision's transforms on Pillow images. Both start from JPEG bytes in memory and end
with normalized float32 crops, on one core.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import tyro
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import functional as TF

from benchmarks.reporting.advice import options_explained
from pretrain.config.pretrain_config import PretrainConfig
from pretrain.data.augmentations import (
    BRIGHTNESS,
    CONTRAST,
    HUE,
    MEAN,
    SATURATION,
    STD,
    CropParameters,
    CropRecipe,
    draw,
    recipes,
)
from pretrain.data.crops import make_crops
from pretrain.data.device_augmentations import normalize
from pretrain.sources.decode import read_header
from pretrain.sources.mixture import Mixture
from pretrain.sources.previews import read_rgb
from vos.files import write_json
from vos.runtime.progress import status

_SHORT_SIDE = 256
_BICUBIC = transforms.InterpolationMode.BICUBIC


@dataclass(frozen=True)
class LoaderSpeed:
    """Rates of both pipelines and how far their crops are apart."""

    usual: float
    """Images a second on one core, Pillow pipeline."""
    ours: float
    """Images a second on one core."""
    difference: float
    """Mean absolute difference of crops with the same parameters, in levels of 255."""
    crops: int
    """Crops an image."""
    images: int
    """Different images used."""

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.ours / self.usual


def measure_loader(
    images: list[bytes], config: PretrainConfig | None = None, seconds: float = 5.0, seed: int = 0
) -> LoaderSpeed:
    """Measure both pipelines in turns on the same images.

    Args:
        images: encoded image files.
        config: the crops to make; None takes 2 of 224 and 8 of 96 pixels.
        seconds: least time to spend on each pipeline.
        seed: of the random crops.
    """
    config = config or PretrainConfig(local_crops_number=8)
    kinds = recipes(config)
    pipelines = [usual_pipeline(kind) for kind in kinds]
    random = np.random.default_rng(seed)

    def usual(data: bytes) -> list[Tensor]:
        image = Image.open(io.BytesIO(data)).convert("RGB")
        return [pipeline(image) for pipeline in pipelines]

    def ours(data: bytes) -> list[Tensor]:
        crops, _ = make_crops(data, kinds, random)
        return [normalize(torch.from_numpy(crop).permute(2, 0, 1)[None]) for crop in crops]

    threads, cv_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        usual_rate, our_rate = _rates([usual, ours], images, seconds)
        gap = float(np.mean([crop_difference(data, kinds, random) for data in images[:50]]))
    finally:
        torch.set_num_threads(threads)
        cv2.setNumThreads(cv_threads)
    return LoaderSpeed(usual_rate, our_rate, gap, len(kinds), len(images))


def _rates(
    pipelines: list[Callable[[bytes], list[Tensor]]], images: list[bytes], seconds: float
) -> list[float]:
    """Run the pipelines in turns, pass by pass, so that a busy machine slows them alike."""
    for pipeline in pipelines:
        pipeline(images[0])
    spent, done = [0.0] * len(pipelines), 0
    while min(spent) < seconds:
        for number, pipeline in enumerate(pipelines):
            start = time.perf_counter()
            for data in images:
                pipeline(data)
            spent[number] += time.perf_counter() - start
        done += len(images)
    return [done / s for s in spent]


def usual_pipeline(recipe: CropRecipe) -> Callable[[Image.Image], Tensor]:
    """Build the published chain of transforms for one kind of crop."""
    jitter = transforms.ColorJitter(0.4, 0.4, 0.2, 0.1)
    return transforms.Compose(
        [
            transforms.RandomResizedCrop(recipe.size, recipe.scale, interpolation=_BICUBIC),
            transforms.RandomHorizontalFlip(recipe.flip),
            transforms.RandomApply([jitter], recipe.jitter),
            transforms.RandomGrayscale(recipe.gray),
            transforms.RandomApply([_PillowBlur()], recipe.blur),
            transforms.RandomSolarize(128, recipe.solarize),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


class _PillowBlur:
    """Gaussian blur with a radius drawn from 0.1 to 2."""

    def __call__(self, image: Image.Image) -> Image.Image:
        radius = float(torch.empty(()).uniform_(0.1, 2.0))
        return image.filter(ImageFilter.GaussianBlur(radius))


def crop_with_pillow(image: Image.Image, p: CropParameters) -> np.ndarray:
    """Carry out what was drawn for a crop with Pillow and torchvision alone.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    top, left, height, width = p.box
    crop = TF.resized_crop(image, top, left, height, width, [p.size, p.size], _BICUBIC)
    if p.flip:
        crop = TF.hflip(crop)
    if p.factors is not None:
        adjust = {
            BRIGHTNESS: TF.adjust_brightness,
            CONTRAST: TF.adjust_contrast,
            SATURATION: TF.adjust_saturation,
            HUE: TF.adjust_hue,
        }
        for operation in p.order:
            crop = adjust[operation](crop, p.factors[operation])
    if p.gray:
        crop = TF.rgb_to_grayscale(crop, num_output_channels=3)
    if p.sigma:
        crop = crop.filter(ImageFilter.GaussianBlur(p.sigma))
    if p.solarize:
        crop = ImageOps.solarize(crop, 128)
    return np.asarray(crop)


def crop_difference(data: bytes, kinds: list[CropRecipe], random: np.random.Generator) -> float:
    """Return the mean absolute difference, in levels of 255, over the crops of one image."""
    header = read_header(data)
    parameters = [draw(random, kind, header.height, header.width) for kind in kinds]
    ours, _ = make_crops(data, kinds, random, drawn=parameters)
    image = Image.open(io.BytesIO(data)).convert("RGB")
    theirs = [crop_with_pillow(image, p) for p in parameters]
    pairs = zip(ours, theirs, strict=True)
    return float(np.mean([np.abs(a.astype(float) - b.astype(float)).mean() for a, b in pairs]))


def photo_jpegs(pixels: list[np.ndarray], short_side: int = _SHORT_SIDE) -> list[bytes]:
    """Bring RGB pictures to a short side of so many pixels and encode them as JPEG."""
    encoded = []
    for picture in pixels:
        image = Image.fromarray(picture)
        factor = short_side / min(image.size)
        size = (round(image.width * factor), round(image.height * factor))
        buffer = io.BytesIO()
        image.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        encoded.append(buffer.getvalue())
    return encoded


@dataclass(frozen=True)
class MeasureLoader:
    """Measure multi-crop loading beside the usual Pillow pipeline, in turns on one core."""

    data_path: tyro.conf.Positional[tuple[str, ...]]
    """Images: folders or archives, as for `vos-pretrain train`."""
    images: int = 100
    """Different images used, spread over the data and brought to a short side of 256 pixels."""
    local_crops_number: int = 8
    """Local crops of an image, beside the two global ones."""
    seconds: float = 10.0
    """Least time spent on each pipeline."""
    out: Path | None = None
    """JSON file for the figures."""

    def run(self) -> int:
        """Measure, print, write; return 0."""
        status(f"reading the images of {', '.join(self.data_path)}")
        with options_explained("options of `vos-pretrain train`"):
            mixture = Mixture(self.data_path)
            places = np.linspace(0, len(mixture) - 1, min(self.images, len(mixture))).astype(int)
            jpegs = photo_jpegs([read_rgb(mixture, int(place)) for place in places])
        config = PretrainConfig(local_crops_number=self.local_crops_number)
        speed = measure_loader(jpegs, config, self.seconds)
        print(f"{speed.images} images, {speed.crops} crops each, one core")
        print(f"usual Pillow pipeline  {speed.usual:8.1f} images/s")
        print(f"vos-pretrain           {speed.ours:8.1f} images/s, {speed.ratio:.2f} times as fast")
        print(f"mean absolute difference of equal crops: {speed.difference:.2f} of 255 levels")
        if self.out is not None:
            write_json(self.out, {**asdict(speed), "ratio": speed.ratio})
        return 0
