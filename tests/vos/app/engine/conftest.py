"""A small made clip with its project and an engine, for the tests of this room."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn

from tests.data.clips import HEIGHT, WIDTH, picture, write_picture
from vos.app.engine.engine import Engine
from vos.app.engine.features import MemoryLimits
from vos.app.project.actions import perform
from vos.app.project.header import ProjectHeader, SourceRecord
from vos.app.project.project import Project
from vos.backbones.backbone import Backbone
from vos.backbones.weights_record import WeightsRecord
from vos.video.frame_store.store import FrameStore

FRAMES, PATCH = 12, 32
WAIT = 60


class Coarse(Backbone):
    """A patch's mean colour, in patches so large that it is fast; `hook` is called before each."""

    def __init__(self):
        torch.manual_seed(0)
        network = nn.Conv2d(3, 8, PATCH, PATCH, bias=False)
        mix = torch.randn(8, 3, 1, 1) / PATCH**2
        network.weight.data = mix.expand(8, 3, PATCH, PATCH).clone()
        record = WeightsRecord("coarse", "test", None, "none")
        super().__init__(
            network, stride=PATCH, dim=8, mean=(0.5,) * 3, std=(0.2,) * 3, record=record
        )
        self.calls = 0
        self.hook = lambda: None

    def block_features(self, images, numbers):
        self.hook()
        self.calls += 1
        return [(self.network(images), None)]


class Desk:
    """One project with its engine, and what the engine has said."""

    def __init__(self, folder, source, limits=None, load=None, reading=None):
        self.backbone = Coarse()
        self.events = []
        self._changed = threading.Condition()
        if (folder / "project.json").is_file():
            self.project = Project.open(folder)
        else:
            record = SourceRecord(str(source), "folder", "clip", (HEIGHT, WIDTH), FRAMES)
            self.project = Project.create(folder, ProjectHeader(record))
        self.frames = FrameStore(str(source), reading=reading)
        self.engine = Engine(load or (lambda: self.backbone), self._emit, limits=limits)
        self.session = self.engine.session("s", self.project, self.frames)

    def _emit(self, name, data):
        with self._changed:
            self.events.append((name, data))
            self._changed.notify_all()

    def wait_for(self, name, **values):
        def match():
            return [d for n, d in self.events if n == name and values.items() <= d.items()]

        with self._changed:
            assert self._changed.wait_for(match, WAIT), (name, values, self.events[-5:])
            return match()[-1]

    def add_object(self):
        return perform(self.project, {"action": "add_object"})[1]["object"]

    def draw(self, frame, truth):
        """Prompt objects 1 and 2 by exact masks: those of the clip's objects 3 and 9."""
        for object_id, name in ((1, 3), (2, 9)):
            if (truth == name).any():
                digest = self.project.put_mask((truth == name).astype(np.uint8))
                self.session.add_item(frame, object_id, {"type": "mask", "mask": digest})

    def ready(self, frame):
        self.session.show(frame)
        self.wait_for("features", frame=frame, state="ready")

    def propagate(self, direction="both", state="done"):
        job = self.session.start_propagation(direction)
        return self.wait_for("job", job=job, state=state)

    def masks(self):
        entries = self.project.items("frames/")
        return {int(key[7:]): self.project.mask(e["mask"]) for key, e in entries.items()}

    def close(self):
        self.engine.close()
        self.frames.close()
        self.project.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    root = tmp_path_factory.mktemp("clip")
    for number in range(FRAMES):
        write_picture(root / f"{number:05d}.png", picture(number)[0])
    return root


@pytest.fixture
def open_desk(tmp_path, clip):
    opened = []

    @contextmanager
    def desk(folder="project", **options):
        one = Desk(tmp_path / folder, options.pop("source", clip), **options)
        opened.append(one)
        try:
            yield one
        finally:
            one.close()

    return desk


@pytest.fixture
def desk(open_desk):
    with open_desk() as one:
        one.add_object()
        one.add_object()
        yield one


@pytest.fixture
def limits():
    return MemoryLimits
