"""Prompts on a frame become masks that do not depend on what came in between."""

import numpy as np
import pytest

from tests.data.clips import HEIGHT, WIDTH, iou, picture
from vos.app.engine.prompting.items import stroke_pixels
from vos.app.project.actions import perform
from vos.errors import InputError
from vos.masks.io import write_mask

INSIDE = {"type": "click", "x": 20, "y": 20, "positive": True}
OTHER = {"type": "click", "x": 76, "y": 48, "positive": True}
SQUARE = {"type": "polygon", "points": [[10, 10], [40, 10], [40, 40], [10, 40]], "positive": True}


def disc(radius):
    """The pixels (2 r + 1, 2 r + 1) of a stroke of one point."""
    size = 2 * radius + 1
    stroke = {"points": [[radius, radius]], "radius": radius}
    return stroke_pixels(stroke, (size, size))


def polygon(left, right):
    points = [[left, 10], [right, 10], [right, 30], [left, 30]]
    return {"type": "polygon", "points": points, "positive": True}


def ids(desk, frame=0):
    return desk.project.mask(desk.project.get(f"frames/{frame}")["mask"])


def test_a_click_is_answered_at_once_and_made_final_in_the_same_step(desk):
    delta = desk.session.add_item(0, 1, INSIDE)
    assert delta.changed["frames/0"]["provisional"] is True
    desk.wait_for("features", frame=0, state="ready")
    entry = desk.project.get("frames/0")
    assert "provisional" not in entry
    assert entry["confidence"] == {"1": 1.0}
    assert iou(ids(desk) == 1, picture(0)[1] == 3, True) > 0.9
    desk.project.undo()
    assert desk.project.get("frames/0") is None


def test_the_final_mask_is_the_same_whenever_the_features_come(open_desk):
    items = [INSIDE, {"type": "click", "x": 2, "y": 60, "positive": False}]
    masks = []
    for name, early in (("early", True), ("late", False)):
        with open_desk(name) as desk:
            one, two = desk.add_object(), desk.add_object()
            if early:
                desk.ready(0)
            for item in items:
                desk.session.add_item(0, one, item)
            desk.session.add_item(0, two, OTHER)
            desk.wait_for("features", frame=0, state="ready")
            desk.ready(0)
            assert "provisional" not in desk.project.get("frames/0")
            masks.append(ids(desk))
    assert np.array_equal(*masks)
    assert set(np.unique(masks[0])) == {0, 1, 2}


def test_undo_to_a_provisional_mask_makes_it_final_too(desk):
    failing = []

    def fail():
        if not failing:
            raise InputError("no weights")

    desk.backbone.hook = fail
    desk.session.add_item(0, 1, INSIDE)
    desk.session.add_item(0, 1, {"type": "click", "x": 60, "y": 5, "positive": False})
    desk.wait_for("features", frame=0, state="failed", error="no weights")
    assert desk.project.get("frames/0")["provisional"] is True
    failing.append("no more")
    desk.ready(0)
    assert "provisional" not in desk.project.get("frames/0")
    desk.events.clear()
    desk.project.undo()
    desk.wait_for("features", frame=0, state="ready")
    assert "provisional" not in desk.project.get("frames/0")
    assert len(desk.project.get("prompts/0/1")["items"]) == 1


def test_redo_of_a_step_with_a_provisional_mask_alone_makes_it_final(desk):
    failing = []

    def fail():
        if not failing:
            raise InputError("no weights")

    desk.backbone.hook = fail
    desk.session.add_item(0, 1, INSIDE)
    desk.wait_for("features", frame=0, state="failed")
    desk.project.undo()
    assert desk.project.get("frames/0") is None
    failing.append("no more")
    desk.ready(0)
    desk.events.clear()
    delta = desk.project.redo()
    assert delta.changed["frames/0"]["provisional"] is True
    desk.wait_for("features", frame=0, state="ready")
    entry = desk.project.get("frames/0")
    assert "provisional" not in entry
    desk.project.undo()
    desk.project.redo()
    assert desk.project.get("frames/0") == entry, "the final mask belongs to the step"
    redone = ids(desk)
    desk.session.clear_prompt(0, 1)
    desk.session.add_item(0, 1, INSIDE)
    assert np.array_equal(redone, ids(desk))


def test_the_newest_object_lies_above_and_uncovers_what_it_leaves(desk):
    desk.session.add_item(0, 2, polygon(30, 60))
    desk.session.add_item(0, 1, polygon(10, 40))
    assert ids(desk)[20, 35] == 1
    desk.session.add_item(0, 2, polygon(30, 61))
    assert ids(desk)[20, 35] == 2
    assert (desk.project.mask(desk.project.get("prompts/0/1")["mask"])[20, 30:41] == 0).all()
    desk.session.clear_prompt(0, 2)
    assert ids(desk)[20, 35] == 1
    assert (ids(desk) != 2).all()


def test_pixels_of_locked_objects_are_not_taken(desk):
    desk.session.add_item(0, 2, polygon(30, 60))
    perform(desk.project, {"action": "edit_object", "object": 2, "locked": True})
    desk.session.add_item(0, 1, polygon(10, 40))
    assert ids(desk)[20, 35] == 2
    assert ids(desk)[20, 20] == 1
    with pytest.raises(InputError, match="locked"):
        desk.session.add_item(0, 2, INSIDE)


def test_a_correction_begins_from_the_propagated_mask_and_goes_back_to_it(desk):
    desk.draw(0, picture(0)[1])
    desk.propagate()
    desk.ready(5)
    before = ids(desk, 5)
    desk.session.add_item(5, 1, {"type": "stroke", "points": [[90, 5]], "radius": 3,
                                 "positive": True})  # fmt: skip
    entry = desk.project.get("prompts/5/1")
    assert np.array_equal(desk.project.mask(entry["base"]) > 0, before == 1)
    expected = before.copy()
    expected[2:9, 87:94][disc(3)] = 1
    assert np.array_equal(ids(desk, 5), expected)  # a stroke adds what it covers and no more
    desk.session.remove_item(5, 1, 0)
    assert np.array_equal(ids(desk, 5), before)
    assert desk.project.get("prompts/5/1") is None
    assert desk.session.stale() == []


def test_what_was_drawn_by_hand_stays_after_a_later_click(desk):
    desk.ready(0)
    desk.session.add_item(0, 1, {"type": "stroke", "points": [[60, 5], [80, 5]], "radius": 2,
                                 "positive": True})  # fmt: skip
    desk.session.add_item(0, 1, {"type": "stroke", "points": [[20, 20]], "radius": 2,
                                 "positive": False})  # fmt: skip
    desk.session.add_item(0, 1, {"type": "click", "x": 12, "y": 12, "positive": True})
    assert (ids(desk)[5, 60:81] == 1).all()
    assert ids(desk)[20, 20] == 0


def test_paint_over_a_clicked_mask_changes_what_it_covers_alone(desk):
    desk.ready(0)
    desk.session.add_item(0, 1, {"type": "click", "x": 12, "y": 12, "positive": True})
    clicked = ids(desk).copy()
    corners = [[70, 30], [80, 30], [80, 40], [70, 40]]
    desk.session.add_item(0, 1, {"type": "polygon", "points": corners, "positive": True})
    desk.session.add_item(0, 1, {"type": "stroke", "points": [[12, 16]], "radius": 1,
                                 "positive": False})  # fmt: skip
    expected = clicked.copy()
    expected[30:41, 70:81] = 1
    expected[15:18, 11:14][disc(1)] = 0
    assert np.array_equal(ids(desk), expected)


def test_an_empty_mask_is_no_prompt(desk):
    desk.ready(0)
    desk.session.add_item(0, 1, {"type": "click", "x": 20, "y": 20, "positive": False})
    assert not desk.project.mask(desk.project.get("prompts/0/1")["mask"]).any()
    assert desk.session.stale() == []
    with pytest.raises(InputError, match="nothing is marked"):
        desk.session.start_propagation("both")


@pytest.mark.parametrize(
    ("frame", "object_id", "item", "why"),
    [
        (0, 7, INSIDE, "no object 7"),
        (99, 1, INSIDE, "99"),
        (-1, 1, INSIDE, "frame -1"),
        (0, 1, {"type": "click", "x": WIDTH, "y": 0}, "a pixel of the frame"),
        (0, 1, {"type": "click", "x": True, "y": 0}, "whole number"),
        (0, 1, {"type": "box", "left": 9, "top": 1, "right": 9, "bottom": 5}, "no pixel"),
        (0, 1, {"type": "stroke", "points": [[1, 1]], "radius": 0}, "radius"),
        (0, 1, {"type": "stroke", "points": [[float("nan"), 1]], "radius": 2}, "number of pixels"),
        (0, 1, {"type": "polygon", "points": [[1, 1], [2, 2]]}, "points"),
        (0, 1, {"type": "polygon", "points": [[-9, -9], [-2, -9], [-9, -2]]}, "no pixel"),
        (0, 1, {"type": "mask", "mask": "0" * 40}, "mask"),
        (0, 1, {"type": "lasso"}, "one of click"),
        (0, 1, None, "one of click"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_sentence(desk, frame, object_id, item, why):
    revision = desk.project.revision
    with pytest.raises(InputError, match=why):
        desk.session.add_item(frame, object_id, item)
    assert desk.project.revision == revision


def test_items_and_prompts_that_are_not_there_are_refused(desk):
    with pytest.raises(InputError, match="no item 0"):
        desk.session.remove_item(0, 1, 0)
    with pytest.raises(InputError, match="no prompt"):
        desk.session.clear_prompt(0, 1)


def test_a_mask_file_makes_objects_in_one_step(desk, tmp_path):
    truth = picture(3)[1]
    write_mask(tmp_path / "mask.png", truth)
    desk.session.import_mask(3, tmp_path / "mask.png")
    assert np.array_equal(ids(desk, 3), truth)
    assert set(desk.project.items("objects/")) >= {"objects/3", "objects/9"}
    desk.project.undo()
    assert set(desk.project.items("objects/")) == {"objects/1", "objects/2"}


def test_a_mask_file_of_one_object_goes_to_the_chosen_one(desk, tmp_path):
    write_mask(tmp_path / "one.png", np.where(picture(3)[1] == 9, 9, 0).astype(np.uint8))
    desk.session.import_mask(3, tmp_path / "one.png", object_id=2)
    assert np.array_equal(ids(desk, 3) == 2, picture(3)[1] == 9)
    write_mask(tmp_path / "two.png", picture(3)[1])
    with pytest.raises(InputError, match="holds 2 objects"):
        desk.session.import_mask(3, tmp_path / "two.png", object_id=2)
    write_mask(tmp_path / "large.png", np.ones((HEIGHT + 9, WIDTH), np.uint8))
    with pytest.raises(InputError, match="pixels"):
        desk.session.import_mask(3, tmp_path / "large.png", object_id=2)


def test_a_project_that_is_opened_again_goes_on_with_its_provisional_masks_and_layers(open_desk):
    def fail():
        raise InputError("no weights")

    with open_desk() as desk:
        desk.backbone.hook = fail
        one, two = desk.add_object(), desk.add_object()
        desk.session.add_item(0, two, polygon(30, 60))
        desk.session.add_item(0, one, polygon(10, 40))
        desk.session.add_item(1, one, INSIDE)
        desk.wait_for("features", frame=1, state="failed")
    with open_desk() as desk:
        desk.wait_for("features", frame=1, state="ready")
        assert "provisional" not in desk.project.get("frames/1")
        desk.session.clear_prompt(0, one)
        assert ids(desk)[20, 35] == two
        desk.session.clear_prompt(0, two)
        assert desk.project.get("frames/0") is None


def test_entries_of_strangers_with_odd_layers_are_refused(desk):
    desk.session.add_item(0, 1, SQUARE)
    good = desk.project.get("frames/0")
    two_deep = {**good, "under": {**good, "under": good}}
    for odd in (two_deep, {**good, "under": 5}, {**good, "composed": "x"}):
        with pytest.raises(InputError):
            desk.project.change("Odd", {"frames/0": odd})
    prompt = desk.project.get("prompts/0/1")
    with pytest.raises(InputError, match="order"):
        desk.project.change("Odd", {"prompts/0/1": {**prompt, "order": -1}})
