"""A source of arrays, and masks with holes, pieces and nothing, for the tests of exports."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from vos.errors import InputError
from vos.propagation.confidence import ObjectConfidence
from vos.video.frames import Frame

HEIGHT, WIDTH = 48, 64


class Arrays:
    """Frames and masks in memory; what is asked for is noted."""

    name = "clip"
    fps = Fraction(25)
    picture_suffix = ".png"

    def __init__(self, masks, unreadable=()):
        self.masks = masks
        self.objects = {1: ("ball", (255, 0, 0)), 3: ("dog", (0, 128, 255))}
        self.count = len(masks)
        self.size = (HEIGHT, WIDTH)
        self.unreadable = set(unreadable)
        self.frames_read = []

    def frame_name(self, number):
        return f"{number:05d}"

    def frame(self, number):
        if number in self.unreadable:
            raise InputError(f"frame {number} is damaged")
        self.frames_read.append(number)
        image = np.full((*self.size, 3), 40 + number, np.uint8)
        return Frame(self.frame_name(number), number, number / 25, image)

    def ids(self, number):
        return self.masks[number]

    def confidence(self, number):
        ids = self.masks[number]
        return {i: ObjectConfidence(0.5, absent=not (ids == i).any()) for i in self.objects}


def blobs(seed, smooth=2.0, share=0.3):
    """Random masks of objects 1 and 3, with pieces and holes."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH)), (0, 0), smooth)
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[noise > np.quantile(noise, 1 - share)] = 1
    ids[noise < np.quantile(noise, share)] = 3
    return ids


def ring():
    """Object 1 with a hole, object 3 in two pieces."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[5:25, 5:25] = 1
    ids[10:15, 10:15] = 0
    ids[30:40, 5:15] = 3
    ids[30:36, 30:36] = 3
    return ids


@pytest.fixture
def source():
    """Six frames: none, blobs, a ring, no objects, blobs, none."""
    empty = np.zeros((HEIGHT, WIDTH), np.uint8)
    return Arrays([None, blobs(0), ring(), empty, blobs(1), None])
