"""Pictures laid out on one sheet."""

import numpy as np
import pytest

from vos.visualization.sheets import contact_sheet


def test_sheet_places_every_picture():
    pictures = [
        [np.full((30, 40, 3), 10 * (3 * i + j), np.uint8) for j in range(3)] for i in range(2)
    ]
    sheet = contact_sheet(pictures, cell_width=40, gap=4)
    assert sheet.shape == (4 + 2 * 34, 4 + 3 * 44, 3)
    for i in range(2):
        for j in range(3):
            y, x = 4 + 34 * i, 4 + 44 * j
            assert (sheet[y : y + 30, x : x + 40] == 10 * (3 * i + j)).all()
    assert (sheet[:4] == 255).all()


def test_sheet_captions_take_their_own_room():
    picture = np.zeros((90, 120, 3), np.uint8)
    plain = contact_sheet([[picture, picture]], cell_width=200)
    sheet = contact_sheet(
        [[picture, picture]],
        row_captions=["frame 10"],
        column_captions=["mask", "truth"],
        cell_width=200,
    )
    assert sheet.shape[0] > plain.shape[0]
    assert sheet.shape[1] > plain.shape[1]
    margin_x = sheet.shape[1] - plain.shape[1]
    margin_y = sheet.shape[0] - plain.shape[0]
    assert (sheet[margin_y + 6 : -6, 6:margin_x] < 128).any()
    assert (sheet[:margin_y, margin_x:] < 128).any()
    cells = sheet[margin_y + 6 : -6, margin_x + 6 : margin_x + 206]
    assert (cells == 0).all()


@pytest.mark.parametrize(
    ("rows", "captions"),
    [
        ([], []),
        ([[np.zeros((3, 4, 3), np.uint8)], []], []),
        ([[np.zeros((3, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)]], []),
        ([[np.zeros((3, 4, 3), np.uint8)]], ["one", "two"]),
    ],
)
def test_uneven_sheets_are_refused(rows, captions):
    with pytest.raises(ValueError, match=r"expected equal rows|captions for"):
        contact_sheet(rows, column_captions=captions)
