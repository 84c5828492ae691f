"""The worker outlives every failure, and what the user waits for goes before jobs."""

import errno
import gc
import shutil
import weakref

import pytest

from tests.data.clips import picture
from tests.vos.app.engine.conftest import FRAMES
from vos.errors import InputError

INSIDE = {"type": "click", "x": 20, "y": 20, "positive": True}


def truth(number):
    return picture(number)[1]


def job_events(desk):
    return [data for name, data in desk.events if name == "job"]


def test_missing_weights_are_told_and_tried_again(open_desk):
    loads = []

    def load():
        loads.append(len(loads))
        if len(loads) < 3:
            raise InputError("the weights are not on this machine; run vos weights get")
        return desk.backbone

    with open_desk(load=load) as desk:
        desk.add_object()
        desk.add_object()
        desk.session.show(0)
        desk.wait_for("features", frame=0, state="failed")
        desk.draw(0, truth(0))
        assert "weights" in desk.propagate(state="failed")["error"]
        desk.propagate()
        assert len(loads) == 3


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MemoryError(), "memory ran out"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "memory ran out"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk is full"),
        (ZeroDivisionError("odd"), "ZeroDivisionError"),
    ],
)
def test_the_worker_outlives_what_a_job_raises(desk, error, sentence):
    desk.draw(0, truth(0))

    def fail():
        if desk.backbone.calls == 4:
            desk.backbone.calls += 1
            raise error

    desk.backbone.hook = fail
    assert sentence in desk.propagate(state="failed")["error"]
    kept = len(desk.masks())
    assert kept == 4
    desk.propagate()
    assert len(desk.masks()) == FRAMES


def test_a_broken_frame_is_named_and_what_came_before_is_kept(open_desk, clip, tmp_path):
    source = tmp_path / "broken"
    shutil.copytree(clip, source)
    (source / "00005.png").write_bytes((source / "00005.png").read_bytes()[:200])
    with open_desk(source=source) as desk:
        desk.add_object()
        desk.add_object()
        desk.draw(0, truth(0))
        assert "00005" in desk.propagate(state="failed")["error"]
        assert sorted(desk.masks()) == [0, 1, 2, 3, 4]
        desk.session.show(5)
        assert "00005" in desk.wait_for("features", frame=5, state="failed")["error"]
        desk.ready(6)


def test_a_job_is_cancelled_within_one_frame(desk):
    desk.draw(0, truth(0))
    job = []

    def stop():
        if desk.backbone.calls == 3:
            desk.session.cancel(job[0])

    desk.backbone.hook = stop
    desk.engine._worker.ask(lambda: job.append(desk.session.start_propagation("both")))
    desk.wait_for("job", state="cancelled")
    assert desk.backbone.calls == 4
    assert len(desk.masks()) in (3, 4)
    with pytest.raises(InputError, match="no job"):
        desk.session.cancel("x")


def test_shown_frames_and_clicks_go_before_the_next_frame_of_a_job(desk):
    desk.draw(0, truth(0))

    def click():
        if desk.backbone.calls == 3:
            desk.session.show(9)
            desk.session.show(11)  # the newest wish replaces the one before
        if desk.backbone.calls == 5:
            desk.session.add_item(11, 1, INSIDE)

    desk.backbone.hook = click
    job = desk.session.start_propagation("both")
    desk.wait_for("job", job=job, state="done")
    features = [(d["frame"], d["state"]) for n, d in desk.events if n == "features"]
    assert features == [(11, "computing"), (11, "ready")]
    entry = desk.project.get("frames/11")
    assert entry["origin"] == "prompt"
    assert "provisional" not in entry
    assert desk.session.stale() == [[0, FRAMES - 1]]
    assert set(desk.project.items("prompts/")) >= {"prompts/11/1"}


def test_progress_is_told_with_what_remains(desk):
    desk.draw(0, truth(0))
    desk.propagate()
    states = [event["state"] for event in job_events(desk)]
    assert states[0] == "queued"
    assert states[-1] == "done"
    last = job_events(desk)[-1]
    assert (last["done"], last["total"]) == (FRAMES, FRAMES)
    assert last["kind"] == "propagate"


def test_undo_of_a_running_propagation_stops_it(desk):
    desk.draw(0, truth(0))

    def undo():
        if desk.backbone.calls == 4:
            desk.project.undo()

    desk.backbone.hook = undo
    desk.propagate(state="cancelled")
    assert list(desk.masks()) == [0]


def test_a_job_that_waits_is_cancelled_at_once_and_the_running_one_goes_on(desk):
    desk.draw(0, truth(0))
    waiting = []

    def cancel():
        if desk.backbone.calls == 2:
            waiting.append(desk.session.start_propagation("forward"))
            desk.session.cancel(waiting[0])

    desk.backbone.hook = cancel
    running = desk.session.start_propagation("both")
    desk.wait_for("job", job=running, state="done")
    states = [d["state"] for d in job_events(desk) if d["job"] == waiting[0]]
    assert states == ["queued", "cancelled"]


def test_the_worker_outlives_who_hears_its_events(open_desk):
    with open_desk() as desk:
        desk.add_object()
        desk.add_object()
        desk.draw(0, truth(0))
        emit = desk.engine._worker.emit

        def deaf(name, data):
            if data.get("state") in ("done", "failed"):
                raise OSError("the page is gone")
            emit(name, data)

        desk.engine._worker.emit = deaf
        desk.session.start_propagation("both")
        desk.engine._worker.emit = deaf
        desk.session.show(5)
        desk.wait_for("features", frame=5, state="ready")
        job = desk.session.start_propagation("both")
        desk.wait_for("job", job=job, state="running")


def test_closing_stops_a_running_job(open_desk):
    with open_desk() as desk:
        desk.add_object()
        desk.add_object()
        desk.draw(0, truth(0))
        started = desk.session.start_propagation("both")
        desk.wait_for("job", job=started, state="running")


def test_a_closed_session_is_forgotten_with_all_that_was_kept_of_its_source(desk):
    desk.draw(0, truth(0))
    desk.ready(3)
    desk.propagate()
    session = weakref.ref(desk.session)
    desk.session.close()
    desk.session = desk.engine.session("s", desk.project, desk.frames)
    gc.collect()
    assert session() is None
    calls = desk.backbone.calls
    desk.events.clear()
    desk.ready(3)
    assert desk.backbone.calls == calls + 1, "the source may be another one by now"


def test_unknown_directions_and_missing_prompts_are_refused(desk):
    with pytest.raises(InputError, match="nothing is marked"):
        desk.session.start_propagation("both")
    with pytest.raises(InputError, match="direction"):
        desk.session.start_propagation("sideways")
