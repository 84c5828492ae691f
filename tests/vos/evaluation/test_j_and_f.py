"""J, F and their statistics: against official figures, hand-made cases and the plain algorithm."""

import json
import warnings

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vos.evaluation import j_and_f
from vos.masks.io import read_index_png

METRICS = {"J": j_and_f.similarity, "F": j_and_f.accuracy}


def region(ids, number):
    return j_and_f.Region.of(cv2.compare(ids, number, cv2.CMP_EQ))


def square(height, width, top, left, size):
    mask = np.zeros((height, width), bool)
    mask[top : top + size, left : left + size] = True
    return mask


def plain_boundary(mask):
    """The boundary from its definition, pixel by pixel."""
    height, width = mask.shape
    edges = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            right, below = x + 1 < width, y + 1 < height
            near = ([(y, x + 1)] if right else []) + ([(y + 1, x)] if below else [])
            near += [(y + 1, x + 1)] if right and below else []
            edges[y, x] = any(mask[y, x] != mask[place] for place in near)
    return edges


def plain_f(a, b, radius):
    """F from its definition, by the distances of all boundary pixels."""
    first, second = np.argwhere(plain_boundary(a)), np.argwhere(plain_boundary(b))
    if not len(first) or not len(second):
        return float(len(first) == len(second))
    squares = ((first[:, None] - second[None]) ** 2).sum(-1)
    precision = (squares.min(1) <= radius * radius).mean()
    recall = (squares.min(0) <= radius * radius).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@pytest.fixture(scope="module")
def official(shared_data):
    return json.loads((shared_data / "davis-scoring/official_results.json").read_text())


def sequences(official_task):
    return official_task["per_frame"].items()


def test_semi_supervised_frames_equal_the_official_ones(official, shared_data):
    root = shared_data / "davis-scoring"
    for name, expected in sequences(official["semi-supervised"]):
        truths = sorted((root / "DAVIS/Annotations/480p" / name).glob("*.png"))[1:-1]
        for t, path in enumerate(truths[:20]):
            truth = read_index_png(path)
            found = read_index_png(root / "semi-supervised" / name / path.name)
            for k in range(len(expected["J"])):
                pair = region(found, k + 1), region(truth, k + 1)
                for metric, score in METRICS.items():
                    assert abs(score(*pair) - expected[metric][k][t]) < 1e-9


@pytest.mark.parametrize("task", ["semi-supervised", "unsupervised"])
def test_statistics_equal_the_official_ones(official, task):
    for name, frames in sequences(official[task]):
        for metric in METRICS:
            for k, values in enumerate(frames[metric]):
                expected = official[task]["per_object"][f"{name}_{k + 1}"]
                found = j_and_f.statistics(values)
                assert found.mean == pytest.approx(expected[f"{metric}_mean"], abs=1e-9)
                assert found.recall == pytest.approx(expected[f"{metric}_recall"], abs=1e-9)
                assert found.decay == pytest.approx(expected[f"{metric}_decay"], abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_two_masks_give_what_the_definitions_give(data):
    height, width = data.draw(st.integers(1, 24)), data.draw(st.integers(1, 150))
    tolerance = data.draw(st.sampled_from([0.008, 0.03, 0.1]))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    masks = []
    for _ in range(2):
        mask = np.zeros((height, width), bool)
        for _ in range(data.draw(st.integers(0, 3))):
            y, x = random.integers(0, height), random.integers(0, width)
            mask[y : y + random.integers(1, 12), x : x + random.integers(1, 90)] ^= True
        masks.append(mask)
    a, b = masks
    union = (a | b).sum()
    assert j_and_f.region_similarity(a, b) == ((a & b).sum() / union if union else 1.0)
    radius = int(np.ceil(tolerance * np.hypot(height, width)))
    found = j_and_f.contour_accuracy(a, b, tolerance=tolerance)
    assert found == pytest.approx(plain_f(a, b, radius), abs=1e-12)


@pytest.mark.parametrize("radius", [1, 2, 8, 18, 70, 130])
def test_a_point_reaches_a_digital_disk(radius):
    size = 2 * radius + 3
    shape = (size, size)
    mask = np.zeros(shape, np.uint8)
    mask[radius + 1, radius + 1] = 255
    tolerance = (radius - 0.5) / np.hypot(*shape)
    point = j_and_f.Region.of(mask, tolerance)
    assert point.radius == radius
    # The boundary of one pixel is that pixel and its upper left neighbours: a 2 x 2 square.
    y, x = np.mgrid[:size, :size] - (radius + 1)
    near = [(y + dy) ** 2 + (x + dx) ** 2 <= radius**2 for dy in (0, 1) for dx in (0, 1)]
    everywhere = np.unpackbits(point.reach.view(np.uint8), axis=1, bitorder="little")
    assert everywhere.sum() == np.logical_or.reduce(near).sum()
    assert point.matched(point) == point.length == 4


def test_boundary_follows_the_last_row_and_column_and_never_takes_the_corner():
    mask = np.zeros((5, 6), np.uint8)
    mask[2:, 3:] = 255
    assert np.array_equal(j_and_f.boundary_map(mask) > 0, plain_boundary(mask > 0))
    assert not j_and_f.boundary_map(mask)[-1, -1]


@pytest.mark.parametrize(
    ("shape", "radius"), [((480, 854), 8), ((480, 910), 9), ((1080, 1920), 18), ((600, 800), 8)]
)
def test_radius_is_eight_thousandths_of_the_diagonal_rounded_up(shape, radius):
    assert j_and_f.boundary_radius(*shape) == radius


def test_equal_masks_score_one_and_distant_ones_zero():
    a, b = square(100, 200, 10, 10, 20), square(100, 200, 60, 150, 20)
    assert j_and_f.region_similarity(a, a) == j_and_f.contour_accuracy(a, a) == 1.0
    assert j_and_f.region_similarity(a, b) == j_and_f.contour_accuracy(a, b) == 0.0


def test_both_empty_score_one_and_one_empty_zero():
    empty, full = np.zeros((40, 50), bool), square(40, 50, 5, 5, 9)
    assert j_and_f.region_similarity(empty, empty) == 1.0
    assert j_and_f.contour_accuracy(empty, empty) == 1.0
    assert j_and_f.region_similarity(full, empty) == j_and_f.contour_accuracy(full, empty) == 0.0
    assert j_and_f.region_similarity(empty, full) == j_and_f.contour_accuracy(empty, full) == 0.0


def test_half_an_object_has_half_the_similarity():
    whole, half = square(30, 30, 5, 5, 10), square(30, 30, 5, 5, 10)
    half[:, 10:] = False
    assert j_and_f.region_similarity(half, whole) == 0.5


def test_void_pixels_count_neither_way():
    truth, wrong, void = (square(60, 60, 5, 5, 20), square(60, 60, 5, 5, 40), np.ones((60, 60)))
    void[5:25, 5:25] = 0
    assert j_and_f.region_similarity(wrong, truth) < 0.3
    assert j_and_f.region_similarity(wrong, truth, void) == 1.0
    assert j_and_f.contour_accuracy(wrong, truth, void) == 1.0


@pytest.mark.parametrize("score", [j_and_f.region_similarity, j_and_f.contour_accuracy])
def test_masks_of_other_shapes_are_refused(score):
    with pytest.raises(ValueError, match=r"one shape \(H, W\).*\(4, 5\), \(5, 4\)"):
        score(np.zeros((4, 5)), np.zeros((5, 4)))
    with pytest.raises(ValueError, match="one shape"):
        score(np.zeros((4, 5, 3)), np.zeros((4, 5, 3)))


def test_recall_is_the_share_above_one_half():
    assert j_and_f.statistics([0.5, 0.51, 0.9, 0.1]).recall == 0.5


def test_decay_of_a_short_sequence_is_first_part_minus_last():
    # Eight frames are cut at 0, 2, 4, 5, 7 (positions of the frames).
    values = [1, 1, 1, 9, 9, 0, 0, 0.6]
    assert j_and_f.statistics(values).decay == pytest.approx(1 - 0.2)


def test_decay_is_right_beyond_256_frames():
    values = np.r_[np.ones(400), np.full(500, 0.5), np.zeros(400)]
    assert j_and_f.statistics(values).decay == 1.0


def test_frames_without_a_value_are_left_out():
    found = j_and_f.statistics([0.8, np.nan, 0.2, np.nan, 0.8])
    assert found.mean == pytest.approx(0.6)
    assert found.recall == pytest.approx(2 / 3)


def test_no_frames_give_nan_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = j_and_f.statistics([])
    assert np.isnan([found.mean, found.recall, found.decay]).all()


def test_statistics_want_one_value_a_frame():
    with pytest.raises(ValueError, match="one value for each frame"):
        j_and_f.statistics(np.zeros((2, 3)))
