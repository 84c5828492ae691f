"""Pictures laid out on one sheet.

Shapes: H W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK = 32
_PAPER = 255


def contact_sheet(
    rows: Sequence[Sequence[NDArray[np.uint8]]],
    *,
    row_captions: Sequence[str] = (),
    column_captions: Sequence[str] = (),
    cell_width: int = 320,
    gap: int = 6,
) -> NDArray[np.uint8]:
    """Lay pictures out in rows and columns on white, with captions.

    Args:
        rows: RGB pictures (H, W, 3) uint8, all of one size and all rows equally long.
        row_captions: a text left of each row.
        column_captions: a text above each column.
        cell_width: pixels across a picture on the sheet.
        gap: pixels between pictures.

    Returns:
        RGB (H, W, 3) uint8.

    Raises:
        ValueError: no pictures, rows of different lengths, pictures of different sizes, or
            captions that are not one for each row or column.
    """
    shapes = {picture.shape for row in rows for picture in row}
    lengths = {len(row) for row in rows}
    if len(shapes) != 1 or len(lengths) != 1:
        raise ValueError(f"expected equal rows of equal pictures, got {lengths} of {shapes}")
    (columns,), (shape,) = lengths, shapes
    for captions, count in ((row_captions, len(rows)), (column_captions, columns)):
        if len(captions) not in (0, count):
            raise ValueError(f"{len(captions)} captions for {count} rows or columns")
    height = max(1, round(shape[0] * cell_width / shape[1]))
    text = max(0.4, cell_width / 640)
    (_, line), _ = cv2.getTextSize("Ag", FONT, text, 1)
    margin = max((cv2.getTextSize(c, FONT, text, 1)[0][0] for c in row_captions), default=0)
    left = gap + (margin + gap if row_captions else 0)
    top = gap + (line + 2 * gap if column_captions else 0)
    size = (top + len(rows) * (height + gap), left + columns * (cell_width + gap), 3)
    sheet = np.full(size, _PAPER, np.uint8)
    for i, row in enumerate(rows):
        y = top + i * (height + gap)
        for j, picture in enumerate(row):
            x = left + j * (cell_width + gap)
            sheet[y : y + height, x : x + cell_width] = _fit_cell(picture, cell_width, height)
        if row_captions:
            _write(sheet, row_captions[i], (gap, y + (height + line) // 2), text)
    for j, caption in enumerate(column_captions):
        _write(sheet, caption, (left + j * (cell_width + gap), gap + line), text)
    return sheet


def _fit_cell(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Resize a picture to its place: area averaging down, linear up."""
    smaller = picture.shape[1] > width
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method))


def _write(sheet: NDArray[np.uint8], text: str, at: tuple[int, int], scale: float) -> None:
    """Write a caption with its lower left corner at (x, y)."""
    cv2.putText(sheet, text, at, FONT, scale, (_INK, _INK, _INK), 1, cv2.LINE_AA)


def tile_sheet(tiles: list[np.ndarray], *, columns: int, side: int) -> np.ndarray:
    """Lay square tiles (side, side, 3) out in rows; an empty list gives one grey tile."""
    tiles = tiles or [np.full((side, side, 3), 128, np.uint8)]
    columns = min(columns, len(tiles))
    blank = np.full((side, side, 3), 255, np.uint8)
    padded = tiles + [blank] * (-len(tiles) % columns)
    # Tiles (S, S, 3) -> rows (S, columns S, 3) -> the sheet (rows S, columns S, 3), S the side.
    rows = [np.concatenate(padded[i : i + columns], 1) for i in range(0, len(padded), columns)]
    return np.concatenate(rows, axis=0)


def crops_sheet(
    views: Sequence[Sequence[NDArray[np.uint8]]],
    *,
    row_captions: Sequence[str] = (),
    column_captions: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """Lay out the crops of several images, a row each, all at the size of the first crop.

    Args:
        views: the crops of each image, RGB (S, S, 3) uint8 of any sides S.
        row_captions: a text left of each row.
        column_captions: a text above each column.

    Returns:
        RGB (H, W, 3) uint8.

    Raises:
        ValueError: as `contact_sheet` does.
    """
    side = views[0][0].shape[0]
    rows = [
        [
            np.asarray(cv2.resize(crop, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)
            for crop in crops
        ]
        for crops in views
    ]
    return contact_sheet(
        rows, row_captions=row_captions, column_captions=column_captions, cell_width=side
    )
