"""One numbering for all masks of a run."""

import numpy as np
import pytest
from PIL import Image

from vos.errors import InputError
from vos.masks.palette import DAVIS_PALETTE
from vos.segmentation.options import PromptRules
from vos.segmentation.prompts import read_prompts

IDS = np.zeros((40, 60), np.uint8)
IDS[5:20, 5:20], IDS[10:30, 35:55] = 1, 2
OWN = np.array([(0, 0, 0), (220, 10, 10), (10, 10, 220)], np.uint8)  # blue comes first


def palette_picture(ids, colors):
    image = Image.fromarray(ids)
    image.putpalette(np.asarray(colors, np.uint8).ravel().tolist())
    return image


FORMS = {
    "ids": Image.fromarray(IDS),
    "indexed": palette_picture(IDS, OWN),
    "davis": palette_picture(IDS, DAVIS_PALETTE),
    "davis colours": Image.fromarray(DAVIS_PALETTE[IDS]),
    "colours": Image.fromarray(OWN[IDS]),
    "one colour": Image.fromarray(OWN[IDS * (IDS == 2)]),
    "white": Image.fromarray((IDS == 2).astype(np.uint8) * 255),
    "other palette": palette_picture(np.array([0, 2, 1], np.uint8)[IDS], OWN[[0, 2, 1]]),
}


def prompts(tmp_path, *names):
    masks = {}
    for number, name in enumerate(names):
        masks[4 * number] = tmp_path / f"{number}.png"
        FORMS[name].save(masks[4 * number])
    return read_prompts(masks, PromptRules())


@pytest.mark.parametrize(
    "names",
    [
        ("ids", "colours"),
        ("colours", "ids"),
        ("indexed", "colours"),
        ("davis", "one colour"),
        ("ids", "white"),
        ("white", "colours"),
        ("colours", "white"),
        ("davis colours", "colours"),
    ],
)
def test_masks_that_number_in_different_ways_are_refused(tmp_path, names):
    with pytest.raises(InputError, match=r"frame 0 holds .* frame 4 .* Save all masks"):
        prompts(tmp_path, *names)


def test_two_palettes_for_the_same_indexes_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"index 1 is \(220, 10, 10\).*frame 0.*frame 4"):
        prompts(tmp_path, "indexed", "other palette")


@pytest.mark.parametrize(
    "names",
    [
        ("ids", "ids"),
        ("ids", "davis"),
        ("davis", "davis colours"),
        ("colours", "one colour"),
        ("white", "white"),
    ],
)
def test_masks_that_number_alike_go_together(tmp_path, names):
    first, second = prompts(tmp_path, *names).values()
    both = (first.ids > 0) & (second.ids > 0)
    assert both.any()
    assert np.array_equal(first.ids[both], second.ids[both])
