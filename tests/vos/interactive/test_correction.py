import numpy as np

from vos.interactive.correction import changed_parts, surroundings, wrong_parts


def rectangle(top, left, bottom, right):
    mask = np.zeros((48, 60), bool)
    mask[top:bottom, left:right] = True
    return mask


def drawn(**at):
    values = np.zeros((48, 60), np.int8)
    for (row, column), sign in at["at"].items():
        values[row, column] = sign
    return values


def test_parts_change_where_a_drawn_pixel_asks_for_it():
    base = rectangle(5, 5, 20, 20) | rectangle(30, 5, 40, 20)
    wanted = rectangle(5, 10, 20, 30) | rectangle(30, 40, 40, 50)
    added = changed_parts(base, wanted, drawn(at={(10, 25): 1}), 1.0)
    np.testing.assert_array_equal(added, rectangle(5, 20, 20, 30))
    removed = changed_parts(base, wanted, drawn(at={(10, 6): -1}), 1.0)
    np.testing.assert_array_equal(removed, rectangle(5, 5, 20, 10))


def test_a_pixel_that_both_masks_have_changes_nothing():
    base, wanted = rectangle(5, 5, 20, 20), rectangle(5, 5, 20, 40)
    assert not changed_parts(base, wanted, drawn(at={(10, 10): 1, (2, 2): -1}), 1.0).any()


def test_what_is_far_stays():
    base, wanted = rectangle(0, 0, 48, 5), rectangle(0, 0, 48, 60)
    changed = changed_parts(base, wanted, drawn(at={(24, 10): 1}), 0.25)
    rows, columns = np.nonzero(changed)
    assert np.hypot(rows - 24, columns - 10).max() <= 12 and changed[24, 21]


def test_a_part_goes_as_a_whole_by_a_negative_pixel_unless_it_is_large_or_has_a_positive_one():
    base = rectangle(5, 5, 20, 20) | rectangle(30, 5, 40, 20) | rectangle(30, 40, 40, 50)
    negative = {(10, 6): -1, (35, 10): -1, (35, 45): -1}
    wrong = wrong_parts(base, drawn(at={**negative, (36, 12): 1}), 0.45)
    np.testing.assert_array_equal(wrong, rectangle(30, 40, 40, 50))
    all_but_large = wrong_parts(base, drawn(at=negative), 0.45)
    np.testing.assert_array_equal(all_but_large, base & ~rectangle(5, 5, 20, 20))


def test_surroundings_are_as_wide_as_asked_of_480_rows():
    pixel = np.zeros((960, 960), bool)
    pixel[480, 480] = True
    around = surroundings(pixel, 3)
    assert around[480, 474:487].all() and around[480].sum() == 13
