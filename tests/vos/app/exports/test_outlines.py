"""Outlines give back their masks to the pixel, whoever fills them."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as coco

from vos.app.exports.outlines import outlines

HEIGHT, WIDTH = 40, 50


def by_opencv(points, mask):
    """As `vos.masks.annotation_files` draws polygons."""
    cv2.fillPoly(mask, [np.round((points - 0.5) * 16).astype(np.int32)], 1, shift=4)


def by_whole_coordinates(points, mask):
    """As Ultralytics draws them: shares of the picture, cut to whole pixels."""
    shares = points / mask.shape[::-1]
    cv2.fillPoly(mask, [(shares * mask.shape[::-1]).astype(np.int32)], 1)


def by_pillow(points, mask):
    """As LabelMe draws them."""
    image = Image.fromarray(mask)
    ImageDraw.Draw(image).polygon([tuple(p) for p in points.tolist()], outline=1, fill=1)
    mask[:] = np.asarray(image)


def by_pycocotools(points, mask):
    """As CVAT and COCO's programs draw them."""
    mask |= coco.decode(coco.frPyObjects([points.ravel().tolist()], *mask.shape))[..., 0]


RULES = [by_opencv, by_whole_coordinates, by_pillow, by_pycocotools]


def noise(seed):
    rng = np.random.default_rng(seed)
    values = rng.random((HEIGHT, WIDTH)).astype(np.float32)
    values = cv2.GaussianBlur(values, (0, 0), [0.3, 0.8, 1.5, 3.0][seed % 4])
    return values > np.quantile(values, [0.2, 0.5, 0.8][seed % 3])


def drawn(text):
    return np.array([[letter == "#" for letter in row] for row in text.split()])


SHAPES = {
    "pixel": "...  .#.  ...",
    "whole": "###  ###  ###",
    "corner": "##.. ##.. ..## ..##",
    "hole at a corner": "#### #.## ##.# ####",
    "hole in a hole": "####### #.....# #.###.# #.#.#.# #.###.# #.....# #######",
    "holes above each other": "##### #.#.# ##### #.#.# #####",
    "line": "#####",
    "holes that touch": "#### #.## #..# ####",
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(24))
def test_random_masks_come_back(rule, seed):
    inside = noise(seed)
    filled = np.zeros((HEIGHT, WIDTH), np.uint8)
    for outline in outlines(inside):
        rule(outline.points, filled)
    assert np.array_equal(filled > 0, inside)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_come_back(rule, name):
    inside = drawn(SHAPES[name])
    filled = np.zeros(inside.shape, np.uint8)
    for outline in outlines(inside):
        rule(outline.points, filled)
    assert np.array_equal(filled > 0, inside)


def test_holes_and_pieces_are_counted_and_the_largest_is_first():
    pieces = outlines(drawn("#....... ...####. ...#.##. ...####. ........"))
    assert [piece.holes for piece in pieces] == [1, 0]
    assert pieces[0].area > pieces[1].area
    assert len(outlines(drawn(SHAPES["corner"]))) == 1  # pixels that touch at corners are one


def test_corners_alone_are_kept():
    (square,) = outlines(drawn("..... .###. .###. ....."))
    inset = 1 / 16
    want = {(1 + inset, 1 + inset), (4 - inset, 1 + inset), (4 - inset, 3 - inset)}
    assert {tuple(p) for p in square.points.tolist()} == want | {(1 + inset, 3 - inset)}


def test_a_stair_has_two_points_a_step():
    (stair,) = outlines(np.tri(30, dtype=bool))
    assert len(stair.points) == 2 * 30 + 2  # and the two other corners


@pytest.mark.parametrize("rule", RULES)
def test_thousands_of_holes_come_back(rule):
    inside = np.random.default_rng(0).random((150, 200)) > 0.3
    pieces = outlines(inside)
    assert sum(piece.holes for piece in pieces) > 3000
    filled = np.zeros(inside.shape, np.uint8)
    for outline in pieces:
        rule(outline.points, filled)
    assert np.array_equal(filled > 0, inside)


def test_nothing_has_no_outlines():
    assert outlines(np.zeros((4, 5), bool)) == []
