"""Each tool makes its item, shows it at once, and edits the same mask."""

import pytest


def test_a_click_makes_an_object_and_its_mask(page):
    page.click(60, 90)
    page.wait_for_mask()
    item = {"type": "click", "x": 60, "y": 90, "positive": True}
    assert page.actions("add_item") == [
        {"action": "add_item", "frame": 0, "object": 1, "item": item}
    ]
    red = page.pixel(75, 90)
    assert red[0] > red[2] + 60


def test_the_dot_is_there_before_the_mask(page):
    page.fake.change_seconds = 1.5
    before = page.pixel(59, 90)
    page.click(60, 90)
    page.page.wait_for_timeout(100)
    assert page.data("mask") == ""
    assert page.pixel(59, 90) != before
    page.wait_for_mask()


def test_the_right_button_takes_away_and_a_click_on_a_point_removes_it(page):
    page.click(60, 90)
    first = page.wait_for_mask()
    page.click(80, 90, button="right")
    second = page.wait_for_mask(but_not=first)
    assert [i["positive"] for i in page.state()["prompts/0/1"]["items"]] == [True, False]
    page.click(80, 90)
    assert page.wait_for_mask(but_not=second) == first
    assert page.actions("remove_item") == [
        {"action": "remove_item", "frame": 0, "object": 1, "index": 1}
    ]


def test_clicks_outside_the_frame_do_nothing(page):
    page.click(-3, 90)
    page.click(60, 90)
    page.wait_for_mask()
    assert len(page.actions("add_item")) == 1


def test_quick_clicks_arrive_in_their_order_and_make_one_object(page):
    page.fake.change_seconds = 0.4
    for x in (40, 60, 80):
        page.click(x, 90)
    page.has_text("#items", "ClickClickClick")
    assert [a["item"]["x"] for a in page.actions("add_item")] == [40, 60, 80]
    assert {a["object"] for a in page.actions("add_item")} == {1}
    assert len(page.actions("add_object")) == 1


def test_a_click_while_an_object_is_being_added_is_for_that_object(page):
    page.click(40, 90)
    page.wait_for_mask()
    page.fake.change_seconds = 0.4
    page.page.click("#add-object")
    page.click(200, 90)
    page.has_text("#items", "Click")
    page.page.wait_for_selector("[data-testid=object-2][aria-pressed=true]")
    assert [a["object"] for a in page.actions("add_item")] == [1, 2]


def test_a_box(page):
    page.press("r")
    page.drag((30.5, 60.5), (89.5, 119.5))
    page.wait_for_mask()
    (action,) = page.actions("add_item")
    assert action["item"] == {"type": "box", "left": 30, "top": 60, "right": 90, "bottom": 120}


def test_a_box_ends_at_the_border_of_the_frame_and_escape_drops_it(page):
    page.press("r")
    page.page.mouse.move(*page.place(30, 60))
    page.page.mouse.down()
    page.page.mouse.move(*page.place(90, 90))
    page.press("Escape")
    page.page.mouse.up()
    page.drag((250, 100), (330, 190))
    page.wait_for_mask()
    (action,) = page.actions("add_item")
    assert (action["item"]["right"], action["item"]["bottom"]) == (320, 180)


def test_brush_and_eraser_edit_one_mask_and_the_wheel_sets_their_size(page):
    page.press("d")
    page.page.mouse.move(*page.place(100, 100))
    before = page.page.locator("#brush-size-text").inner_text()
    page.page.mouse.wheel(0, -300)
    page.page.wait_for_selector(f'#brush-size-text:not(:text-is("{before}"))')
    page.drag((40, 90), (120, 90))
    first = page.wait_for_mask()
    page.press("e")
    page.drag((80, 60), (80, 120))
    page.wait_for_mask(but_not=first)
    brush, eraser = (a["item"] for a in page.actions("add_item"))
    assert (brush["type"], brush["positive"], eraser["positive"]) == ("stroke", True, False)
    assert brush["radius"] > 12
    assert len(brush["points"]) >= 3
    assert {a["object"] for a in page.actions("add_item")} == {1}


def test_control_and_the_wheel_zoom_with_the_brush(page):
    page.press("d")
    page.page.mouse.move(*page.place(100, 100))
    scale = page.page.locator("#canvas").get_attribute("data-scale")
    size = page.page.locator("#brush-size-text").inner_text()
    page.page.keyboard.down("Control")
    page.page.mouse.wheel(0, -300)
    page.page.keyboard.up("Control")
    page.page.wait_for_selector(f'#canvas:not([data-scale="{scale}"])')
    assert page.page.locator("#brush-size-text").inner_text() == size


@pytest.mark.parametrize("end", ["Enter", "first corner", "double click"])
def test_a_polygon_closes(page, end):
    page.press("p")
    for corner in ((30, 60), (90, 60), (60, 120)):
        page.click(*corner)
    if end == "Enter":
        page.press("Enter")
    elif end == "first corner":
        page.click(31, 61)
    else:
        page.page.mouse.dblclick(*page.place(40, 100))
    page.wait_for_mask()
    (action,) = page.actions("add_item")
    assert action["item"]["type"] == "polygon"
    assert len(action["item"]["points"]) == (4 if end == "double click" else 3)


def test_a_polygon_can_take_away_and_escape_drops_one(page):
    page.press("p")
    page.click(30, 60)
    page.click(90, 60)
    page.press("Enter")
    page.has_text("#toasts", "at least three corners")
    page.press("Escape")
    page.page.click("#polygon-subtract")
    for corner in ((30, 60), (90, 60), (60, 120)):
        page.click(*corner)
    page.press("Enter")
    page.has_text("#items", "Polygon that takes away")
    (action,) = page.actions("add_item")
    assert action["item"]["positive"] is False


def test_tools_work_on_the_frame_on_the_screen(page):
    page.press("ArrowRight", "ArrowRight")
    page.wait(frame=2)
    page.click(60, 90)
    page.wait_for_mask()
    assert page.actions("add_item")[0]["frame"] == 2


def test_wheel_zooms_and_space_drag_pans_without_playing(page):
    page.page.mouse.move(*page.place(60, 90))
    page.page.mouse.wheel(0, -500)
    page.page.wait_for_selector("#zoom-fit:not(:text-is('290%'))")
    before = page.place(60, 90)
    page.page.keyboard.down("Space")
    page.page.mouse.down()
    page.page.mouse.move(before[0] + 40, before[1] + 30, steps=3)
    page.page.mouse.up()
    page.page.keyboard.up("Space")
    after = page.place(60, 90)
    assert after == pytest.approx((before[0] + 40, before[1] + 30), abs=2)
    assert page.data("playing") != "true"
    page.click(60, 90)
    page.wait_for_mask()
    assert page.actions("add_item")[0]["item"]["x"] == 60


def test_a_locked_object_is_not_changed(page):
    page.click(60, 90)
    page.wait_for_mask()
    page.page.get_by_test_id("lock-1").click()
    page.page.wait_for_selector("#object-name:disabled")
    page.click(100, 90)
    page.has_text("#toasts", "locked")
    assert len(page.actions("add_item")) == 1


def test_masks_in_every_view(page):
    page.click(60, 90)
    page.wait_for_mask()
    page.page.click("#view-mask")
    page.page.mouse.move(5, 5)
    page.page.wait_for_selector("#view-mask[aria-pressed=true]")
    page.page.wait_for_timeout(50)
    assert page.pixel(200, 150)[:3] == [0, 0, 0]
    assert page.pixel(75, 90)[:3] == [230, 60, 60]
    page.page.click("#view-cutout")
    page.page.wait_for_timeout(50)
    assert page.pixel(200, 150)[:3] == [125, 128, 135]
    page.page.click("#view-contour")
    page.page.wait_for_timeout(50)
    inside = page.pixel(75, 90)
    page.page.click("#view-overlay")
    page.page.wait_for_timeout(50)
    assert page.pixel(75, 90) != inside


def test_side_by_side_shows_the_unmarked_frame_too(page):
    page.click(60, 90)
    page.wait_for_mask()
    page.page.check("#side-by-side")
    page.page.wait_for_selector("#side-label-right:visible")
    half = page.page.locator("#canvas").bounding_box()["width"] / 2
    marked = page.pixel(75, 90)
    scale = float(page.page.locator("#canvas").get_attribute("data-scale"))
    unmarked = page.pixel(75 + half / scale, 90)
    assert marked != unmarked
    page.click(150 + half / scale, 90)
    page.has_text("#items", "ClickClick")
    assert page.actions("add_item")[1]["item"]["x"] == 150
