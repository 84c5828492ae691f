"""Masks and maps drawn over frames: colours, contours, ids, heat maps, contact sheets.

Shape letters: H W pixels, h w patches.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vos.masks.ids import VOID, object_ids
from vos.masks.palette import DAVIS_PALETTE
from vos.visualization.sheets import FONT

_MARK_COLOR = (255, 140, 0)
_CONTOUR_PIXELS_AT = 480  # a contour is one pixel wide on each side per this many rows
_SURROUNDINGS_AT = 10  # a contour goes by the mean brightness of a square of rows / this
_WHITE_SHARE = 0.5  # of white in a light contour
_DARK_SHARE = 0.3  # of an object's colour in a dark contour


def draw_overlay(
    frame: NDArray[np.uint8],
    ids: NDArray[np.uint8],
    *,
    alpha: float = 0.5,
    contours: bool = True,
    labels: bool = False,
    palette: NDArray[np.uint8] = DAVIS_PALETTE,
) -> NDArray[np.uint8]:
    """Draw a mask over its frame.

    Args:
        frame: RGB (H, W, 3) uint8; it is not changed.
        ids: mask (H, W) uint8; void is drawn as background.
        alpha: opacity of the colours, 0 to 1.
        contours: outline each object in a light tint of its colour where the frame is dark, and
            in a dark shade where it is light.
        labels: write each object's id at its middle.
        palette: (256, 3) uint8 RGB, the colour of each id.

    Returns:
        RGB (H, W, 3) uint8.

    Raises:
        ValueError: frame and mask are of different sizes, or alpha is out of range.
    """
    if frame.shape[:2] != ids.shape or not 0 <= alpha <= 1:
        raise ValueError(
            f"frame {frame.shape[:2]}, mask {ids.shape}, alpha {alpha}: expected one size and an "
            "alpha from 0 to 1"
        )
    objects = object_ids(ids)
    result = frame.copy()
    if not objects:
        return result
    ids = np.where(ids == VOID, 0, ids).astype(np.uint8)
    top, left, bottom, right = _bounds(ids, margin=max(1, frame.shape[0] // _SURROUNDINGS_AT))
    part, part_ids = result[top:bottom, left:right], ids[top:bottom, left:right]
    colors = cv2.cvtColor(part_ids, cv2.COLOR_GRAY2RGB)
    table = palette.reshape(1, 256, 3)  # (256, 3) -> a row of 256 pixels
    colors = np.asarray(cv2.LUT(colors, table))
    mixed = cv2.addWeighted(part, 1 - alpha, colors, alpha, 0)
    inside = part_ids != 0
    cv2.copyTo(mixed, inside.view(np.uint8), part)
    if contours:
        _draw_contours(part, frame[top:bottom, left:right], part_ids, palette, frame.shape[0])
    if labels:
        for object_id in objects:
            _write_id(result, ids, object_id)
    return result


def _bounds(ids: NDArray[np.uint8], margin: int) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of what is not background, with a margin around."""
    left, top, width, height = cv2.boundingRect(ids)
    return (
        max(top - margin, 0),
        max(left - margin, 0),
        min(top + height + margin, ids.shape[0]),
        min(left + width + margin, ids.shape[1]),
    )


def outline_palettes(
    palette: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the contours' colours: for dark surroundings, for light ones, and what divides them.

    Args:
        palette: (256, 3) uint8 RGB, the colour of each id.

    Returns:
        Light tints and dark shades, (256, 3) uint8 RGB each, and (256,) uint8, the brightness of
        surroundings from which on the dark shade is the one that stands out more.
    """
    colors = palette.astype(np.float64)
    brightest = colors.max(axis=1, keepdims=True)
    full = np.where(brightest > 0, 255 * colors / np.maximum(brightest, 1), 255)
    light = np.round(255 * _WHITE_SHARE + full * (1 - _WHITE_SHARE)).astype(np.uint8)
    dark = np.round(colors * _DARK_SHARE).astype(np.uint8)
    # (2, 256, 3) -> (2, 256)
    brightness = cv2.cvtColor(np.stack([light, dark]), cv2.COLOR_RGB2GRAY).astype(np.float64)
    return light, dark, np.round(brightness.mean(axis=0)).astype(np.uint8)


def _draw_contours(
    drawn: NDArray[np.uint8],
    part: NDArray[np.uint8],
    ids: NDArray[np.uint8],
    palette: NDArray[np.uint8],
    rows: int,
) -> None:
    """Draw contours into a part (h, w, 3) of a picture of so many rows, by the frame there."""
    light, dark, limits = outline_palettes(palette)
    side = 2 * (rows // _SURROUNDINGS_AT // 2) + 1
    surroundings = cv2.blur(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), (side, side))
    edge = _contour(ids, rows).view(bool)
    edge_ids = ids[edge]
    on_light = surroundings[edge] >= limits[edge_ids]
    drawn[edge] = np.where(on_light[:, None], dark[edge_ids], light[edge_ids])


def _contour(ids: NDArray[np.uint8], rows: int) -> NDArray[np.uint8]:
    """Mark (1) object pixels that touch another id, thicker on larger frames."""
    width = max(1, round(rows / _CONTOUR_PIXELS_AT))
    kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    edge = (cv2.erode(ids, kernel) != cv2.dilate(ids, kernel)) & (ids != 0)
    return edge.view(np.uint8)


def _write_id(image: NDArray[np.uint8], ids: NDArray[np.uint8], object_id: int) -> None:
    """Write an id, white on black, at the pixel that lies deepest inside its object."""
    inside = cv2.copyMakeBorder((ids == object_id).view(np.uint8), 1, 1, 1, 1,
                                cv2.BORDER_CONSTANT)  # fmt: skip
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
    _, _, _, (x, y) = cv2.minMaxLoc(depth)
    scale = max(0.4, image.shape[0] / 800)
    (width, height), _ = cv2.getTextSize(str(object_id), FONT, scale, 1)
    corner = (
        int(np.clip(x - 1 - width // 2, 0, max(0, image.shape[1] - width))),
        int(np.clip(y - 1 + height // 2, height, max(height, image.shape[0] - 1))),
    )
    thickness = max(1, round(scale))
    cv2.putText(image, str(object_id), corner, FONT, scale, (0, 0, 0), thickness + 2, cv2.LINE_AA)
    cv2.putText(image, str(object_id), corner, FONT, scale, (255, 255, 255), thickness, cv2.LINE_AA)


def draw_mark(image: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """Draw an orange border around a picture, with a text on its upper edge.

    Args:
        image: RGB (H, W, 3) uint8; it is not changed.
        text: one line; what is too long for the picture is cut off.

    Returns:
        RGB (H, W, 3) uint8.
    """
    result = image.copy()
    height, width = image.shape[:2]
    border = max(2, round(min(height, width) / 80))
    scale = max(0.4, height / 1000)
    (_, line), below = cv2.getTextSize(text, FONT, scale, 1)
    cv2.rectangle(result, (0, 0), (width - 1, line + below + border), _MARK_COLOR, cv2.FILLED)
    at = (2 * border, line + border)
    cv2.putText(result, text, at, FONT, scale, (0, 0, 0), max(1, round(scale)), cv2.LINE_AA)
    cv2.rectangle(result, (0, 0), (width - 1, height - 1), _MARK_COLOR, 2 * border - 1)
    return result


def draw_heatmap(
    frame: NDArray[np.uint8], values: NDArray[np.floating], *, alpha: float = 0.6
) -> NDArray[np.uint8]:
    """Draw a map of values over a frame, from dark blue (its least) to yellow (its greatest).

    Args:
        frame: RGB (H, W, 3) uint8; it is not changed.
        values: (h, w) of any size, such as attention per patch; enlarged bilinearly.
        alpha: opacity of the map.

    Returns:
        RGB (H, W, 3) uint8.

    Raises:
        ValueError: the map is not two-dimensional or holds NaN or infinity.
    """
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"expected finite values (h, w), got shape {values.shape}")
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    height, width = frame.shape[:2]
    scaled = scaled.astype(np.float32)
    large = cv2.resize(scaled, (width, height), interpolation=cv2.INTER_LINEAR)  # (h, w) -> (H, W)
    levels = np.round(large * 255).astype(np.uint8)
    colors = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_CIVIDIS), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.addWeighted(frame, 1 - alpha, colors, alpha, 0))
