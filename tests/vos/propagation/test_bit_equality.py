"""Masks, labels and snapshots of a scripted run, bit by bit: a plain tracker and a record.

The plain tracker is the whole logic of prompts, ids and context in one class, for comparison: what
`propagator.py`, `context_propagation.py` and `memory.py` do together. The record holds digests of
a run whose arithmetic is exact, so that they are the same on every machine.
"""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.data.scenes import NoNetwork
from vos.masks.ids import VOID, ids_from_channels, resize_nearest
from vos.propagation.affinity import propagate_labels
from vos.propagation.config import PropagationConfig
from vos.propagation.neighborhood import Neighborhood
from vos.propagation.pixels.upsampling import winning_channel
from vos.propagation.propagator import LabelPropagator
from vos.propagation.snapshot import load_snapshot, save_snapshot

RECORD = Path(__file__).parents[2] / "data" / "scripted_run.json"
HEIGHT, WIDTH, PATCH, GRID = 70, 100, 8, (8, 12)
COLORS = {0: (40, 90, 60), 7: (220, 30, 40), 254: (30, 60, 230), 3: (240, 230, 20)}
BACKBONE = NoNetwork(PATCH)
# Whole-number features have whole-number similarities; at such a temperature both neighbours count
# one half, and labels are halves of halves: nothing is rounded, in whatever order it is added up.
EXACT = PropagationConfig(n_last_frames=3, neighborhood_radius=3, topk=2, temperature=1e30)
USUAL = PropagationConfig(n_last_frames=3, neighborhood_radius=3, short_side=0)


def exact_features(image):
    """(8, 12, 192): the numbers of a patch's pixels."""
    pixels = torch.from_numpy(image[: GRID[0] * PATCH, : GRID[1] * PATCH].astype(np.float32)) - 128
    patches = pixels.unflatten(0, (-1, PATCH)).unflatten(2, (-1, PATCH))  # (8, 8, 12, 8, 3)
    return patches.transpose(1, 2).flatten(2).contiguous()


def unit_features(image):
    return F.normalize(exact_features(image), dim=-1)


def short_features(image):
    return unit_features(image).bfloat16()


def picture(number):
    """Frame and true mask: three boxes that move over a ground, with noise from whole numbers."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[8 + number : 34 + number, 6 + 2 * number : 30 + 2 * number] = 7
    ids[40:58, 74 - 3 * number : 92 - 3 * number] = 254
    ids[2:16, 60 + number : 78 + number] = 3
    image = np.zeros((HEIGHT, WIDTH, 3), np.int64)
    for object_id, color in COLORS.items():
        image[ids == object_id] = color
    place = np.arange(image.size, dtype=np.uint64).reshape(image.shape) + np.uint64(
        1 + number << 20
    )
    noise = (place * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(48)) % np.uint64(41)
    return np.clip(image + noise.astype(np.int64) - 20, 0, 255).astype(np.uint8), ids


def prompt_of(number):
    """What the script gives: first mask, an object later, a correction, two objects, void."""
    _, ids = picture(number)
    if number == 2:
        prompt = np.where(ids == 7, 7, 0)
        prompt[:12] = VOID
    elif number == 5:
        prompt = np.where(ids == 254, 254, 0)
        prompt[:, 40:56] = VOID
    elif number == 7:
        prompt = np.where(np.roll(ids, 9, 1) == 7, 7, 0)
        prompt[60:] = VOID
    elif number == 11:
        prompt = np.where((ids == 254) | (ids == 3), ids, 0)
    else:
        return None
    return prompt.astype(np.uint8)


REMOVED = {9: 254, 13: 7}
"""Which object is removed before a step."""
STEPS = range(16)


def play(tracker, steps):
    """Run some steps of the script; of each the mask, the labels and the snapshot."""
    for number in steps:
        if number in REMOVED:
            tracker.remove(REMOVED[number])
        mask = tracker.step(picture(number)[0], prompt_of(number))
        yield mask, tracker.soft_labels, tracker.snapshot()


class WithFeatures(LabelPropagator):
    """The propagator, with features from a function of the frame."""

    def __init__(self, extract, config):
        super().__init__(BACKBONE, config)
        self.extract = extract

    def features(self, frames):
        return [self.extract(frame) for frame in frames]


class Plain:
    """Prompts, ids and context written down in one place, frame after frame."""

    def __init__(self, extract, config):
        self.extract, self.config = extract, config
        self.grid = Neighborhood(*GRID, config.neighborhood_radius, config.neighborhood_shape)
        self.number, self.objects, self.soft_labels = -1, (), None
        self.prompted, self.last = {}, {}  # frame number -> [features, labels]
        self.first, self.latest = {}, {}

    def context(self):
        return [*self.prompted.values(), *self.last.values()]

    def propagate(self, features, context):
        laid_out = [self.grid.lay_out(frame[0]) for frame in context]
        labels = [frame[1] for frame in context]
        k, temperature = self.config.topk, self.config.temperature
        return propagate_labels(
            features, laid_out, labels, self.grid, topk=k, temperature=temperature
        )

    def step(self, image, prompt):
        self.number += 1
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        if prompt is None and not self.objects:
            return mask
        features = self.extract(image)
        labels = None
        if self.objects:
            labels = self.propagate(features, self.context())
            channels = winning_channel(
                labels.T.reshape(-1, *GRID).contiguous(),
                PATCH,
                upsampling=self.config.upsampling,
                stretch=self.config.stretch_channels,
            )
            ids = ids_from_channels(channels.numpy().astype(np.uint8), self.objects)
            mask = resize_nearest(ids, HEIGHT, WIDTH)
        if prompt is None:
            self.last[self.number] = [features, labels]
            for number in sorted(self.last)[: -self.config.n_last_frames]:
                del self.last[number]
        else:
            given = [int(i) for i in np.unique(prompt) if i not in (0, VOID)]
            labels = self.take_prompt(features, labels, prompt, given)
            mask[np.isin(mask, given) & (prompt != VOID)] = 0
            mask[np.isin(prompt, given)] = prompt[np.isin(prompt, given)]
        self.soft_labels = labels.T.reshape(-1, *GRID)
        return mask

    def take_prompt(self, features, predicted, prompt, given):
        new = [i for i in given if i not in self.objects]
        self.objects += tuple(new)
        flat = torch.from_numpy(resize_nearest(prompt, *GRID).flatten().astype(np.int64))
        labels = torch.zeros(len(flat), 1 + len(self.objects))
        if predicted is None:
            labels[flat == 0, 0] = 1
        else:
            labels[:, : predicted.shape[1]] = predicted
            for object_id in given:
                channel = 1 + self.objects.index(object_id)
                labels[:, 0] += labels[:, channel]
                labels[:, channel] = 0
            labels[flat == VOID, : predicted.shape[1]] = predicted[flat == VOID]
        for object_id in given:
            labels[flat == object_id] = 0
            labels[flat == object_id, 1 + self.objects.index(object_id)] = 1
        if new:
            for frame in self.context():
                back = self.propagate(frame[0], [[features, labels]])[:, -len(new) :]
                frame[1] = torch.cat([frame[1] * (1 - back.sum(1, keepdim=True)), back], dim=1)
        self.prompted[self.number] = [features, labels]
        self.first = {**dict.fromkeys(given, self.number), **self.first}
        self.latest |= dict.fromkeys(given, self.number)
        self.drop_prompts()
        return labels

    def remove(self, object_id):
        channel = 1 + self.objects.index(object_id)
        self.objects = tuple(i for i in self.objects if i != object_id)
        for frame in self.context():
            before, after = frame[1][:, :channel], frame[1][:, channel + 1 :]
            removed = frame[1][:, channel]
            frame[1] = torch.cat([before, after], dim=1)
            frame[1][:, 0] += removed
        del self.first[object_id], self.latest[object_id]
        self.drop_prompts()

    def drop_prompts(self):
        needed = {*self.first.values(), *self.latest.values()}
        self.prompted = {n: frame for n, frame in self.prompted.items() if n in needed}

    def snapshot(self):
        memory = SimpleNamespace(
            objects=self.objects,
            prompted={number: frame[1] for number, frame in self.prompted.items()},
            last={number: frame[1] for number, frame in self.last.items()},
            first_prompt=dict(self.first),
            latest_prompt=dict(self.latest),
        )
        return SimpleNamespace(number=self.number, memory=memory)


def tensor_bytes(tensor):
    return (tuple(tensor.shape), str(tensor.dtype), tensor.contiguous().numpy().tobytes())


def bits(mask, labels, snapshot):
    """Everything of a step in a form that is equal only bit by bit."""
    memory = snapshot.memory
    return {
        "mask": (mask.shape, str(mask.dtype), mask.tobytes()),
        "labels": None if labels is None else tensor_bytes(labels),
        "snapshot": (
            (snapshot.number, memory.objects),
            [(number, tensor_bytes(labels)) for number, labels in memory.prompted.items()],
            [(number, tensor_bytes(labels)) for number, labels in memory.last.items()],
            (sorted(memory.first_prompt.items()), sorted(memory.latest_prompt.items())),
        ),
    }


SETTINGS = [(exact_features, EXACT), (unit_features, USUAL), (short_features, USUAL)]


@pytest.fixture(scope="module", params=SETTINGS, ids=["exact", "float32", "bfloat16"])
def setting(request):
    return request.param


@pytest.fixture(scope="module")
def plain_run(setting):
    with torch.inference_mode():
        return [bits(*step) for step in play(Plain(*setting), STEPS)]


def test_a_scripted_run_equals_the_plain_tracker(setting, plain_run):
    for number, step in enumerate(play(WithFeatures(*setting), STEPS)):
        assert bits(*step) == plain_run[number], number


@pytest.mark.parametrize("at", [1, 5, 8, 12])
def test_a_restored_run_goes_on_as_the_plain_tracker(setting, plain_run, tmp_path, at):
    *_, (_, _, snapshot) = play(WithFeatures(*setting), range(at + 1))
    save_snapshot(tmp_path / "state.safetensors", snapshot)
    loaded = load_snapshot(tmp_path / "state.safetensors")
    tracker = WithFeatures(*setting)
    tracker.restore(loaded, {number: picture(number)[0] for number in loaded.frames})
    for number, step in zip(STEPS[at + 1 :], play(tracker, STEPS[at + 1 :]), strict=True):
        assert bits(*step) == plain_run[number], number


def digests():
    steps = [bits(*step) for step in play(WithFeatures(exact_features, EXACT), STEPS)]
    return [
        {name: hashlib.sha256(repr(value).encode()).hexdigest() for name, value in step.items()}
        for step in steps
    ]


def test_a_scripted_run_equals_the_record():
    """Recorded with the tracker of before the engine stood on its own."""
    assert digests() == json.loads(RECORD.read_text(encoding="utf-8"))


def test_the_recorded_run_rounds_nothing_and_is_worth_recording():
    ids, shares = set(), set()
    for mask, labels, _ in play(WithFeatures(exact_features, EXACT), STEPS):
        ids |= set(np.unique(mask).tolist())
        if labels is not None:
            halves = labels * 2**20
            assert torch.equal(halves, halves.round())
            shares |= set(labels.unique().tolist())
    assert ids == {0, 3, 7, 254}
    assert len(shares) > 50
