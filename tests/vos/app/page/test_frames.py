"""The cursor, playing, propagation, the timeline, and what stays after a reload."""

import pytest


def mark_and_propagate(page):
    page.click(60, 90)
    page.wait_for_mask()
    page.page.click("#propagate")
    page.wait(last_job="done")


@pytest.mark.parametrize(
    ("keys", "frame"),
    [
        (["ArrowRight"], 1),
        (["ArrowRight", "ArrowRight", "ArrowLeft"], 1),
        (["ArrowLeft"], 0),
        (["Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowLeft"], 10),
        (["End"], 59),
        (["End", "Home", "ArrowRight"], 1),
        (["Alt+ArrowRight", "ArrowLeft"], 58),
        (["Alt+ArrowRight", "Alt+ArrowLeft"], 0),
    ],
)
def test_keys_move_the_cursor(page, keys, frame):
    page.press(*keys)
    page.wait(frame=frame)
    assert page.page.input_value("#frame-number") == str(frame)


def test_a_number_moves_the_cursor_and_keys_in_the_field_are_text(page):
    field = page.page.locator("#frame-number")
    field.select_text()
    field.press_sequentially("12")
    field.press("Enter")
    page.wait(frame=12)
    page.page.fill("#frame-number", "1200")
    page.page.locator("#frame-number").press("Enter")
    page.wait(frame=59)


def test_the_server_is_told_which_frame_is_on_the_screen(page):
    page.press("ArrowRight")
    page.wait(frame=1, features="ready")
    assert ("show", 1) in page.fake.requests


def test_space_plays_and_stops(page):
    page.press("Space")
    page.wait(playing="true")
    page.page.wait_for_selector('body:not([data-frame="0"])')
    page.press("Space")
    page.wait(playing="false")


def test_playing_keeps_to_the_clock_and_ends_at_the_last_frame(page):
    page.press("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
    page.wait(frame=30)
    start = page.page.evaluate("performance.now()")
    page.press("Space")
    page.wait(playing="true")
    page.wait(playing="false")
    page.wait(frame=59)
    seconds = (page.page.evaluate("performance.now()") - start) / 1000
    assert 29 / 25 - 0.1 < seconds < 29 / 25 + 2


def test_propagation_fills_frames_and_buttons_follow(page):
    assert page.page.is_disabled("#propagate")
    page.fake.job_seconds = 0.03
    page.click(60, 90)
    page.wait_for_mask()
    page.page.click("#propagate")
    page.wait(job="running")
    page.has_text("#job-text", "of 60")
    page.has_text("#job-text", "left")
    assert page.page.is_disabled("#propagate")
    page.wait(last_job="done", job="")
    page.press("Shift+ArrowRight")
    page.wait(frame=10)
    page.wait_for_mask()
    assert page.state()["frames/10"]["mask"] == page.data("mask")


def test_propagation_stops(page):
    page.fake.job_seconds = 0.05
    page.click(60, 90)
    page.wait_for_mask()
    page.press("f")
    page.wait(job="running")
    page.page.click("#job-cancel")
    page.wait(last_job="cancelled", job="")
    page.has_text("#toasts", "stopped")


@pytest.mark.parametrize(("key", "direction"), [("f", "forward"), ("b", "backward")])
def test_keys_propagate_to_one_side(page, key, direction):
    page.click(60, 90)
    page.wait_for_mask()
    page.press(key)
    page.wait(last_job="done")
    assert ("job", {"kind": "propagate", "direction": direction}) in page.fake.requests


def test_the_next_unsure_frame_is_the_worst_one(page):
    mark_and_propagate(page)
    page.press("n")
    page.wait(frame=40)
    page.has_text("#toasts", "Frame 40: confidence 0.35")
    page.has_text("#toasts", "how little an object's mask depends on the threshold")
    page.has_text("#confidence", "Confidence 0.35")
    page.page.check("#checked")
    page.press("n")
    page.page.wait_for_selector('body:not([data-frame="40"])')


def test_there_may_be_no_unsure_frame(page):
    page.press("n")
    page.has_text("#toasts", "No masks yet")


def test_checked_frames_keep_their_masks(page):
    mark_and_propagate(page)
    page.press("ArrowRight")
    page.wait(frame=1)
    page.page.check("#checked")
    page.press("ArrowRight")
    page.wait(frame=2)
    page.page.wait_for_selector("#checked:not(:checked)")
    page.press("ArrowLeft")
    page.page.wait_for_selector("#checked:checked")
    assert page.state()["checked/1"] is True


def timeline_x(page, frame):
    box = page.page.locator("#timeline").bounding_box()
    return box["x"] + 112 + (frame + 0.5) / 60 * (box["width"] - 120), box["y"] + 30


def test_the_timeline_moves_the_cursor(page):
    page.page.mouse.click(*timeline_x(page, 33))
    page.wait(frame=33)
    page.page.mouse.down()
    page.page.mouse.move(*timeline_x(page, 20), steps=5)
    page.page.mouse.up()
    page.wait(frame=20)


def test_shift_and_a_drag_choose_a_range_to_check(page):
    page.page.mouse.move(*timeline_x(page, 10))
    page.page.keyboard.down("Shift")
    page.page.mouse.down()
    page.page.mouse.move(*timeline_x(page, 14), steps=4)
    page.page.mouse.up()
    page.page.keyboard.up("Shift")
    page.has_text("#range-text", "Frames 10 to 14")
    page.page.click("#range-check")
    page.page.wait_for_selector("#checked:checked")
    assert page.actions("set_checked") == [
        {"action": "set_checked", "first": 10, "last": 14, "checked": True}
    ]
    page.page.click("#range-clear")
    page.page.wait_for_selector("#range-box", state="hidden")


def test_the_timeline_zooms_around_the_mouse_and_follows_the_cursor(page):
    x, y = timeline_x(page, 30)
    page.page.mouse.move(x, y)
    page.page.mouse.wheel(0, -600)
    page.page.wait_for_timeout(100)
    page.page.mouse.click(x, y)
    page.wait(frame=30)
    page.press("Home")
    page.wait(frame=0)
    page.page.wait_for_selector("#timeline-cursor:visible")
    page.page.click("#timeline-all")
    page.page.wait_for_timeout(100)
    page.page.mouse.click(*timeline_x(page, 50))
    page.wait(frame=50)


def test_the_next_mask_replaces_the_one_on_the_screen(page):
    mark_and_propagate(page)
    page.press("Shift+ArrowRight")
    page.wait(frame=10)
    first = page.wait_for_mask()
    page.click(200, 120)
    page.wait_for_mask(but_not=first)
    page.press("Control+z")
    page.wait(mask=first)
    page.press("Control+Shift+z")
    page.wait_for_mask(but_not=first)


def test_nothing_is_lost_by_a_reload(page):
    mark_and_propagate(page)
    page.press("Shift+ArrowRight", "d")
    page.page.click("#view-contour")
    page.wait(frame=10)
    mask, revision = page.wait_for_mask(), page.data("revision")
    page.has_text("#undo-label", "Undo: propagation")
    page.page.reload()
    page.wait(state="ready", frame=10, mask=mask, revision=revision)
    assert page.page.get_attribute("#tool-brush", "aria-pressed") == "true"
    assert page.page.get_attribute("#view-contour", "aria-pressed") == "true"
    assert page.page.inner_text("#undo-label") == "Undo: propagation"


def test_the_frame_of_a_video_that_is_still_counted_comes_back(page):
    page.press("End")
    page.wait(frame=59)
    page.fake.count, page.fake.is_counted = 20, False
    page.page.reload()
    page.wait(frame=19)
    page.has_text("#source-facts", "20+ frames")
    more = {"source": "s1", "count": 60, "count_is_exact": True}
    page.server.call(page.fake.send, "source", more)
    page.wait(frame=59)
    page.has_text("#frame-count", "of 60")


def test_a_long_video_draws_fast(page):
    page.fake.count = 200_000
    project = next(iter(page.fake.sources.values()))
    entry = {"mask": "0" * 32, "areas": {"1": 9, "2": 9}, "confidence": {"1": 0.9, "2": 0.4},
             "origin": "propagation", "key": None}  # fmt: skip
    for _ in range(2):
        project.state |= project.do_add_object({})[0]
    project.state |= {f"frames/{number}": entry for number in range(1000, 200_000)}
    page.page.reload()
    page.wait(frame=0)
    page.has_text("#frame-count", "of 200000")
    script = """async () => {
      const times = [];
      for (let i = 0; i < 10; i += 1) {
        const start = performance.now();
        document.getElementById(i % 2 ? "timeline-in" : "timeline-out").click();
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b)[5];
    }"""
    assert page.page.evaluate(script) < 400
