"""Random actions with undo and redo: the state is that of a plain model, and opens as it was."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.vos.app.project.makers import HEADER, add_objects, files, frame, prompt, rows
from vos.app.project.actions import perform
from vos.app.project.project import Project
from vos.app.project.prompt_masks import composite
from vos.errors import InputError

IDS, FRAMES = st.integers(1, 3), st.integers(0, 4)
ROWS = st.lists(st.integers(0, 11), min_size=1, max_size=4, unique=True)
ACTIONS = st.one_of(
    st.tuples(st.just("undo")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("add_object")),
    st.tuples(st.just("prompt"), FRAMES, IDS, ROWS),
    st.tuples(st.just("propagate"), IDS, ROWS),
    st.tuples(st.just("add"), FRAMES, IDS, ROWS),
    st.tuples(st.just("delete_object"), IDS),
    st.tuples(st.just("delete_range"), IDS, FRAMES, FRAMES),
    st.tuples(st.just("merge_objects"), IDS, IDS),
    st.tuples(st.just("lock"), IDS, st.booleans()),
    st.tuples(st.just("set_checked"), FRAMES, FRAMES, st.booleans()),
)


class Trial:
    """A project beside a list of all its states, as undo and redo go through them."""

    def __init__(self, folder):
        self.folder = folder
        self.project = Project.create(folder, HEADER)
        add_objects(self.project, 2)
        self.states = [self.project.snapshot()]
        self.place = 0
        self.step = 0

    def run(self, name, *given):
        if name in {"undo", "redo"}:
            self.move(name)
        elif name == "reopen":
            self.project.close()
            self.project = Project.open(self.folder)
        elif name == "add":
            self.add(*given)
        else:
            self.change(name, *given)
        self.check()

    def move(self, name):
        place = self.place + (1 if name == "redo" else -1)
        if 0 <= place < len(self.states):
            getattr(self.project, name)()
            self.place = place
        elif name == "redo" or self.project.undo_label is None:
            with pytest.raises(InputError, match="there is nothing"):
                getattr(self.project, name)()

    def change(self, name, *given):
        before, revision = self.project.snapshot(), self.project.revision
        try:
            getattr(self, name)(*given)
        except InputError:
            assert (self.project.snapshot(), self.project.revision) == (before, revision)
            return
        if self.project.revision != revision:
            del self.states[self.place + 1 :]
            self.states.append(self.project.snapshot())
            self.place += 1

    def add(self, number, object_id, filled):
        """Add to the last propagation; the state after it is another one then."""
        if not self.step:
            return
        key, value = f"frames/{number}", frame(self.project, {object_id: filled})
        before = self.project.snapshot()
        delta = self.project.add_to(self.step, {key: value})
        if delta is None:
            assert self.project.snapshot() == before
            return
        before[key] = value
        assert self.project.snapshot() == before
        # what it changes lies in no later step, so undo and redo are as before but for that key
        self.states = self.states[: self.place + 1]
        self.restart()

    def restart(self):
        """Learn the states anew by going back and forth once, which must end where it began."""
        now = self.project.snapshot()
        if self.project.redo_label is not None:
            self.drop_redo()
        count = 0
        while self.place - count > 0:
            self.project.undo()
            count += 1
            self.states[self.place - count] = self.project.snapshot()
        for _ in range(count):
            self.project.redo()
        assert self.project.snapshot() == now
        self.states[self.place] = now

    def drop_redo(self):
        self.project.change("Nothing", {})
        self.states.append(self.project.snapshot())
        self.place += 1

    def check(self):
        project, state = self.project, self.project.snapshot()
        assert state == self.states[self.place]
        shown = {f"{int(k[7:]):05d}": v for k, v in state.items() if k.startswith("frames/")}
        made = files(project, "masks")
        assert made == {name: rows(project.mask(v["mask"])) for name, v in shown.items()}
        prompted = {int(k.split("/")[1]) for k in state if k.startswith("prompts/")}
        expected = {f"{n:05d}": rows(composite(project, n)) for n in prompted}
        assert files(project, "prompts") == expected
        for value in shown.values():
            ids = project.mask(value["mask"])
            assert {int(i) for i in value["areas"]} == set(rows(ids)) - {0}
            assert all(f"objects/{i}" in state for i in value["areas"])

    def add_object(self):
        perform(self.project, {"action": "add_object"})

    def prompt(self, number, object_id, filled):
        value = prompt(self.project, filled)
        now = frame(self.project, {object_id: filled}, "prompt")
        changes = {f"prompts/{number}/{object_id}": value, f"frames/{number}": now}
        self.project.change("Click", changes)

    def propagate(self, object_id, filled):
        changes = {f"frames/{n}": frame(self.project, {object_id: filled}) for n in range(2)}
        self.step = self.project.change("Propagate", changes).step

    def delete_object(self, object_id):
        perform(self.project, {"action": "delete_object", "object": object_id})

    def delete_range(self, object_id, first, last):
        fields = {"object": object_id, "first": first, "last": last}
        perform(self.project, {"action": "delete_range", **fields})

    def merge_objects(self, source, into):
        perform(self.project, {"action": "merge_objects", "from": source, "into": into})

    def lock(self, object_id, locked):
        fields = {"object": object_id, "locked": locked}
        perform(self.project, {"action": "edit_object", **fields})

    def set_checked(self, first, last, checked):
        fields = {"first": first, "last": last, "checked": checked}
        perform(self.project, {"action": "set_checked", **fields})


def trial_of(root, actions):
    trial = Trial(root / "p")
    for action in actions:
        trial.run(*action)
    return trial


@pytest.fixture
def quick(monkeypatch):
    """Waiting for the disk is another test's matter."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(ACTIONS, min_size=3, max_size=25))
def test_the_state_is_the_models_whatever_is_done(quick, actions):
    with tempfile.TemporaryDirectory() as root:
        trial = trial_of(Path(root), actions)
        before = trial.project.snapshot()
        labels = (trial.project.undo_label, trial.project.redo_label, trial.project.revision)
        trial.project.close()
        with Project.open(trial.folder) as again:
            assert again.snapshot() == before
            assert (again.undo_label, again.redo_label, again.revision) == labels


@pytest.mark.parametrize(
    "last", [("undo",), ("prompt", 1, 2, [3]), ("delete_object", 1), ("add", 3, 1, [4])]
)
def test_killed_at_any_byte_of_the_last_line(quick, tmp_path, last):
    trial = trial_of(tmp_path, [("prompt", 0, 1, [1]), ("propagate", 1, [2])])
    before, place = trial.project.snapshot(), (trial.folder / "journal.jsonl").stat().st_size
    if last[0] == "add":
        _, number, object_id, filled = last
        changes = {f"frames/{number}": frame(trial.project, {object_id: filled})}
        assert trial.project.add_to(trial.step, changes) is not None
    else:
        trial.run(*last)
    after = trial.project.snapshot()
    trial.project.close()
    whole = (trial.folder / "journal.jsonl").read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    assert start >= place
    for end in sorted({start, start + 1, start + 9, *range(start + 40, len(whole), 37),
                       len(whole) - 1, len(whole)}):  # fmt: skip
        copy = tmp_path / f"cut{end}"
        shutil.copytree(trial.folder, copy)
        (copy / "journal.jsonl").write_bytes(whole[:end])
        with Project.open(copy) as again:
            assert again.snapshot() == (after if end == len(whole) else before)
            made = files(again, "masks")
            shown = again.items("frames/")
            assert made == {
                f"{int(key[7:]):05d}": rows(again.mask(value["mask"]))
                for key, value in shown.items()
            }
            again.change("Go on", {"checked/9": True})
        shutil.rmtree(copy)
