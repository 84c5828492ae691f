"""Drawing: what is coloured, what is left alone, how sheets are laid out."""

import cv2
import numpy as np
import pytest

from vos.masks.ids import VOID
from vos.masks.palette import DAVIS_PALETTE
from vos.visualization.overlay import draw_heatmap, draw_mark, draw_overlay, outline_palettes


@pytest.fixture
def frame():
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)


@pytest.fixture
def ids():
    ids = np.zeros((60, 80), np.uint8)
    ids[10:30, 20:50], ids[40:60, 0:15], ids[0:5, 70:80] = 1, 200, VOID
    return ids


def test_colours_are_mixed_inside_and_nothing_else_changes(frame, ids):
    before = frame.copy()
    drawn = draw_overlay(frame, ids, alpha=0.25, contours=False)
    np.testing.assert_array_equal(frame, before)
    outside = (ids == 0) | (ids == VOID)
    np.testing.assert_array_equal(drawn[outside], frame[outside])
    for object_id in (1, 200):
        inside = ids == object_id
        expected = 0.75 * frame[inside] + 0.25 * DAVIS_PALETTE[object_id]
        np.testing.assert_allclose(drawn[inside], expected, atol=0.51)


LIGHT, DARK, _ = outline_palettes(DAVIS_PALETTE)


@pytest.mark.parametrize(("level", "outline"), [(20, LIGHT), (235, DARK)])
def test_contours_run_along_the_edge_and_nothing_else_changes(ids, level, outline):
    frame = np.full((60, 80, 3), level, np.uint8)
    drawn = draw_overlay(frame, ids)
    edge = np.zeros_like(ids, dtype=bool)
    edge[10:30, 20:50] = True
    edge[11:29, 21:49] = False
    assert (drawn[edge] == outline[1]).all()
    plain = draw_overlay(frame, ids, contours=False)
    np.testing.assert_array_equal(drawn[11:29, 21:49], plain[11:29, 21:49])
    np.testing.assert_array_equal(drawn[ids == 0], frame[ids == 0])


@pytest.mark.parametrize("object_id", [*range(1, 30), 254])
@pytest.mark.parametrize("level", [0, 30, 225, 255])
def test_a_contour_stands_out_of_its_colour_and_of_the_frame(object_id, level):
    frame = np.full((60, 80, 3), level, np.uint8)
    ids = np.zeros((60, 80), np.uint8)
    ids[20:40, 20:60] = object_id
    gray = cv2.cvtColor(draw_overlay(frame, ids), cv2.COLOR_RGB2GRAY).astype(int)
    fill, contour = gray[30, 40], gray[20, 40]
    assert abs(contour - level) > 90
    if level < 128:
        assert contour > fill + 50
    else:
        assert contour < fill - 50


def test_a_contour_goes_by_what_is_around_it():
    frame = np.zeros((60, 80, 3), np.uint8)
    frame[:, 40:] = 255
    ids = np.zeros((60, 80), np.uint8)
    ids[20:40, 20:60] = 1
    drawn = draw_overlay(frame, ids)
    assert (drawn[20:40, 20] == LIGHT[1]).all()
    assert (drawn[20:40, 59] == DARK[1]).all()


def test_touching_objects_have_a_contour_between():
    ids = np.ones((60, 80), np.uint8)
    ids[:, 40:] = 2
    drawn = draw_overlay(np.full((60, 80, 3), 20, np.uint8), ids)
    assert (drawn[:, 39] == LIGHT[1]).all()
    assert (drawn[:, 40] == LIGHT[2]).all()
    assert not (drawn[:, 10] == LIGHT[1]).all()


def test_own_palette_and_opaque(frame, ids):
    palette = np.full((256, 3), 9, np.uint8)
    drawn = draw_overlay(frame, ids, alpha=1, contours=False, palette=palette)
    assert (drawn[ids == 1] == 9).all()


def test_labels_are_written_at_the_object(frame):
    ids = np.zeros((240, 320), np.uint8)
    ids[60:180, 100:250] = 12
    blank = np.zeros((240, 320, 3), np.uint8)
    with_label = draw_overlay(blank, ids, labels=True)
    without = draw_overlay(blank, ids)
    changed = np.argwhere((with_label != without).any(axis=2))
    assert len(changed) > 20
    assert (changed.min(axis=0) >= (90, 130)).all()
    assert (changed.max(axis=0) <= (150, 220)).all()
    assert with_label.max() > 200


@pytest.mark.parametrize("place", [np.s_[:4, :4], np.s_[-4:, -4:], np.s_[:4, -4:]])
def test_labels_stay_inside_the_frame(place):
    ids = np.zeros((240, 320), np.uint8)
    ids[place] = 123
    blank = np.zeros((240, 320, 3), np.uint8)
    middle = np.zeros((240, 320), np.uint8)
    middle[118:122, 158:162] = 123
    written = [(draw_overlay(blank, m, labels=True).min(axis=2) > 200).sum() for m in (ids, middle)]
    assert written[0] >= 0.9 * written[1] > 0


def test_an_empty_mask_leaves_the_frame(frame):
    drawn = draw_overlay(frame, np.full((60, 80), VOID, np.uint8))
    np.testing.assert_array_equal(drawn, frame)
    assert drawn is not frame


def test_every_id_at_every_corner_can_be_drawn(frame):
    ids = np.zeros((60, 80), np.uint8)
    ids[0, 0], ids[-1, -1], ids[0, -1], ids[-1, 0] = 1, 254, 17, 99
    drawn = draw_overlay(frame, ids, labels=True, alpha=1)
    assert drawn.shape == frame.shape


def test_overlay_refuses_other_sizes_and_alphas(frame, ids):
    with pytest.raises(ValueError, match="expected one size"):
        draw_overlay(frame, ids[:-1])
    with pytest.raises(ValueError, match=r"alpha 1\.5"):
        draw_overlay(frame, ids, alpha=1.5)


def test_heatmap_goes_from_dark_to_bright(frame):
    values = np.linspace(-3, 5, 48).reshape(6, 8)
    drawn = draw_heatmap(frame, values, alpha=1)
    assert drawn.shape == frame.shape
    assert drawn[-1, -1].astype(int).sum() > drawn[0, 0].astype(int).sum() + 150
    assert drawn[0, 0].argmax() == 2  # blue
    np.testing.assert_array_equal(draw_heatmap(frame, values, alpha=0), frame)


def test_flat_heatmap_is_its_least_colour(frame):
    drawn = draw_heatmap(frame, np.full((4, 4), 7.0), alpha=1)
    assert (drawn == drawn[0, 0]).all()


@pytest.mark.parametrize("values", [np.zeros(4), np.array([[np.nan, 1]]), np.array([[np.inf, 1]])])
def test_heatmap_refuses_other_maps(frame, values):
    with pytest.raises(ValueError, match="finite values"):
        draw_heatmap(frame, values)


@pytest.mark.parametrize("size", [(60, 80), (8, 8), (480, 854)])
def test_a_mark_is_a_border_and_a_line_of_text(size):
    image = np.full((*size, 3), 40, np.uint8)
    marked = draw_mark(image, "2 unsure (0.21), and a long rest that does not fit")
    assert (image == 40).all()
    assert marked.shape == image.shape
    for edge in (marked[-1], marked[:, 0], marked[:, -1]):
        assert (edge == (255, 140, 0)).all()
    if min(size) > 50:
        middle = marked[size[0] // 2, size[1] // 2]
        assert (middle == 40).all()
