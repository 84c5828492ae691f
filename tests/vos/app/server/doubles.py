"""Small stand-ins for frames, projects, the engine and exports, for tests of the server alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from vos.app.server.parts import ExportedFile
from vos.errors import InputError

HEIGHT, WIDTH, COUNT = 6, 8, 5


@dataclass
class Delta:
    revision: int
    changed: dict
    undo: str | None = None
    redo: str | None = None


class Frames:
    def __init__(self, source):
        if not Path(source).exists() or Path(source).read_bytes()[:6] == b"broken":
            raise InputError(f"{source}: not a video that can be read")
        self.name, self.kind, self.size = Path(source).name, "video", (HEIGHT, WIDTH)
        self.fps, self.count, self.count_is_exact = Fraction(25), COUNT, True
        self.callbacks, self.is_closed, self.is_indexed = [], False, True

    def frame(self, index):
        return SimpleNamespace(index=index, image=np.zeros((HEIGHT, WIDTH, 3), np.uint8))

    def jpeg(self, index, height=None, quality=90):
        if index >= COUNT:
            raise InputError(f"there is no frame {index}; there are {COUNT}")
        return b"\xff\xd8" + bytes([index, height or 0])

    def frame_name(self, index):
        return f"{index:05d}"

    def on_index(self, callback):
        self.callbacks.append(callback)

    def close(self):
        self.is_closed = True


class Project:
    def __init__(self, folder, source):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.header = SimpleNamespace(
            max_size=None, source=SimpleNamespace(size=(HEIGHT, WIDTH), path=source)
        )
        record = {"format": "vos-project", "source": {"path": source}}
        (folder / "project.json").write_text(json.dumps(record))
        self.state, self.revision, self.callbacks = {}, 0, []
        self.undo_label = self.redo_label = None
        self.masks, self.is_closed = {"ab" * 16: np.eye(HEIGHT, WIDTH, dtype=np.uint8)}, False

    def change(self, changes):
        self.revision += 1
        self.state |= changes
        delta = Delta(self.revision, changes, "that")
        for callback in self.callbacks:
            callback(delta)
        return delta

    def get(self, key):
        return self.state.get(key)

    def items(self, prefix):
        return {key: value for key, value in self.state.items() if key.startswith(prefix)}

    def snapshot(self):
        return dict(self.state)

    def mask(self, digest):
        return self.masks[digest]

    def subscribe(self, callback):
        self.callbacks.append(callback)

    def close(self):
        self.is_closed = True


class Session:
    def __init__(self, source_id, project, emit):
        self.is_closed = False
        self.id, self.project, self.emit, self.shown, self.imported = (
            source_id,
            project,
            emit,
            [],
            [],
        )

    def show(self, frame):
        self.shown.append(frame)

    def add_item(self, frame, object_id, item):
        return self.project.change({f"prompts/{frame}/{object_id}": {"items": [item]}})

    def remove_item(self, frame, object_id, index):
        return self.project.change({f"prompts/{frame}/{object_id}": None})

    def clear_prompt(self, frame, object_id):
        return self.project.change({f"prompts/{frame}/{object_id}": None})

    def import_mask(self, frame, path, *, object_id, snap=False):
        self.imported.append((frame, path.name, path.read_bytes(), object_id, snap))
        return self.project.change({f"frames/{frame}": {"mask": "ab" * 16}})

    def start_propagation(self, direction):
        self.emit("job", {"source": self.id, "job": "j1", "kind": "propagate", "state": "running"})
        return "j1"

    def cancel(self, job):
        self.emit("job", {"source": self.id, "job": job, "state": "cancelled"})

    def stale(self):
        return [[1, 3]]

    def close(self):
        self.is_closed = True


class Parts:
    """Makes the doubles, and keeps what it made."""

    def __init__(self, emit):
        self.emit, self.projects, self.frames, self.sessions = emit, [], [], []
        self.is_closed, self.failure = False, None

    def open_frames(self, source, cache, max_size):
        self.frames.append(Frames(source))
        return self.frames[-1]

    def max_size(self, folder):
        return None

    def create_project(self, folder, source, frames, max_size=None):
        self.projects.append(Project(folder, source))
        return self.projects[-1]

    def open_project(self, folder, frames):
        record = json.loads((folder / "project.json").read_text())
        return self.create_project(folder, record["source"]["path"], frames)

    def project_of_run(self, run, folder, source, frames):
        return self.create_project(folder, source, frames)

    def session(self, source_id, project, frames):
        self.sessions.append(Session(source_id, project, self.emit))
        return self.sessions[-1]

    def perform(self, project, action):
        if self.failure is not None:
            raise self.failure
        if action.get("action") != "add_object":
            raise InputError(f"there is no action {action.get('action')!r}")
        return project.change({"objects/1": {"name": "cat", "color": [1, 2, 3]}}), {"object": 1}

    def export(self, request):
        if "unknown" in request.formats:
            raise InputError("there is no format 'unknown'")
        request.out.mkdir(parents=True)
        request.on_frame(1, COUNT)
        (request.out / "masks.zip").write_bytes(b"zip")
        return [ExportedFile(request.out / "masks.zip", ["no holes"])]

    def close(self):
        self.is_closed = True
