"""LabelMe, COCO and CVAT files, and folders, as masks."""

import json

import numpy as np
import pytest

from vos.errors import InputError
from vos.masks.io import read_mask, write_mask
from vos.masks.rle import encode_rle
from vos.segmentation.options import PromptRules
from vos.segmentation.prompts import read_prompts

IDS = np.zeros((48, 64), np.uint8)
IDS[8:30, 6:26], IDS[20:40, 36:60] = 1, 2
CORNERS = ([(6, 8), (26, 8), (26, 30), (6, 30)], [(36, 20), (60, 20), (60, 40), (36, 40)])


def overlap(found):
    return min(
        ((found == n) & (n == IDS)).sum() / ((found == n) | (n == IDS)).sum() for n in (1, 2)
    )


def labelme(labels=("a", "b"), order=(0, 1)):
    shapes = [{"label": labels[i], "points": CORNERS[i], "shape_type": "polygon"} for i in order]
    return json.dumps({"imageHeight": 48, "imageWidth": 64, "shapes": shapes})


def coco(codes):
    return json.dumps({
        "images": [{"id": 3, "file_name": "x/00000.jpg", "height": 48, "width": 64},
                   {"id": 4, "file_name": "x/00001.jpg", "height": 48, "width": 64}],
        "annotations": [{"image_id": 3, "category_id": 1, "segmentation": c} for c in codes],
    })  # fmt: skip


def points(corners):
    return ";".join(f"{x},{y}" for x, y in corners)


def cvat_video():
    tracks = "".join(
        f'<track id="{i}" label="s"><polygon frame="0" outside="0" points="{points(c)}"/></track>'
        for i, c in enumerate(CORNERS)
    )
    size = "<original_size><width>64</width><height>48</height></original_size>"
    return f"<annotations><meta>{size}</meta>{tracks}</annotations>"


def cvat_images():
    box = '<box label="a" xtl="6" ytl="8" xbr="26" ybr="30"/>'
    rle = ", ".join(["0", str(24 * 20)])
    mask = f'<mask label="b" rle="{rle}" left="36" top="20" width="24" height="20"/>'
    image = f'<image id="0" name="00000.png" width="64" height="48">{box}{mask}</image>'
    return f"<annotations>{image}</annotations>"


FLAT = [[[v for corner in c for v in corner]] for c in CORNERS]
CODES = [encode_rle(n == IDS) for n in (1, 2)]


def runs(inside):
    """COCO's list of run lengths, by columns, background first (the first pixel is background)."""
    flat = inside.T.ravel().astype(int)
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *changes, flat.size]).tolist()
    return {"size": [48, 64], "counts": counts}


RUNS = [runs(n == IDS) for n in (1, 2)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.json", labelme()),
        ("m.json", coco(FLAT)),
        ("m.json", coco(CODES)),
        ("m.json", coco(RUNS)),
        ("m.xml", cvat_video()),
        ("m.xml", cvat_images()),
    ],
)
def test_the_objects_are_where_they_were_drawn(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert overlap(read_mask(tmp_path / name, frame_name="00000").ids) > 0.9


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("m.json", '{"a": 1}', "LabelMe.*COCO"),
        ("m.json", labelme()[:-9], "damaged"),
        ("m.json", labelme(order=()), "no objects"),
        ("m.json", coco([]), "no objects"),
        ("m.json", "[" * 100000, "damaged"),
        ("m.xml", "<a/>", "CVAT"),
        ("m.xml", cvat_video()[:-9], "XML"),
        ("m.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>', "entities"),
        ("m.xml", "<annotations/>", "m.xml"),
    ],
)
def test_other_files_are_refused(tmp_path, name, text, match):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=match):
        read_mask(tmp_path / name, frame_name="00000")


def test_a_folder_gives_the_file_named_as_the_frame(tmp_path):
    write_mask(tmp_path / "00005.png", IDS)
    assert np.array_equal(read_mask(tmp_path, frame_name="00005").ids, IDS)
    with pytest.raises(InputError, match="no file named as the frame 00000"):
        read_mask(tmp_path, frame_name="00000")


def test_labels_in_another_order_are_refused(tmp_path):
    (tmp_path / "a.json").write_text(labelme())
    (tmp_path / "b.json").write_text(labelme(order=(1, 0)))
    with pytest.raises(InputError, match=r"object 1 is 'a' .* frame 0 and 'b'"):
        read_prompts({0: tmp_path / "a.json", 4: tmp_path / "b.json"}, PromptRules())
