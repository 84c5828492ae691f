"""What annotation tools export, given as a mask: LabelMe, CVAT, COCO, a folder of masks."""

import json

from tests.corpus.rows import Row, refused, works
from tests.corpus.scene import (
    HEIGHT,
    IDS,
    ONE,
    WIDTH,
    first_mask_is,
    first_mask_overlaps,
    save,
    segment,
    write_frames,
)
from vos.masks.rle import encode_rle

BOX_1 = [[12, 20], [36, 20], [36, 44], [12, 44]]
BOX_2 = [[60, 32], [84, 32], [84, 56], [60, 56]]
BOTH = ((BOX_1, "swan"), (BOX_2, "goat"))


def given(name, text, mask=None, count=2):
    """Return a maker of frames and a text file that is given as the mask."""

    def make(folder):
        write_frames(folder / "frames", count)
        (folder / name).write_text(text if isinstance(text, str) else json.dumps(text))
        return segment("frames", mask or name)

    return make


def labelme(shapes, height=HEIGHT, width=WIDTH):
    return {
        "version": "5.4.1", "flags": {}, "imagePath": "00000.png", "imageData": None,
        "imageHeight": height, "imageWidth": width,
        "shapes": [{"label": label, "points": points, "group_id": None, "shape_type": "polygon",
                    "flags": {}} for points, label in shapes],
    }  # fmt: skip


def cvat_points(points):
    return ";".join(f"{x:.2f},{y:.2f}" for x, y in points)


def cvat_images(shapes):
    polygons = "".join(
        f'<polygon label="{label}" source="manual" occluded="0" points="{cvat_points(points)}" '
        'z_order="0"></polygon>'
        for points, label in shapes
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
        f'<image id="0" name="00000.png" width="{WIDTH}" height="{HEIGHT}">{polygons}</image>'
        "</annotations>"
    )


def cvat_video(shapes):
    tracks = "".join(
        f'<track id="{number}" label="{label}" source="manual"><polygon frame="0" keyframe="1" '
        f'outside="0" occluded="0" points="{cvat_points(points)}" z_order="0"></polygon></track>'
        for number, (points, label) in enumerate(shapes)
    )
    size = f"<original_size><width>{WIDTH}</width><height>{HEIGHT}</height></original_size>"
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>'
        f"<meta><task>{size}</task></meta>{tracks}</annotations>"
    )


def coco(segmentations, file_name="00000.png"):
    return {
        "images": [{"id": 7, "file_name": file_name, "height": HEIGHT, "width": WIDTH}],
        "categories": [{"id": 1, "name": "animal"}],
        "annotations": [
            {"id": number, "image_id": 7, "category_id": 1, "iscrowd": 0, "area": 576.0,
             "bbox": [0, 0, 1, 1], "segmentation": segmentation}
            for number, segmentation in enumerate(segmentations, 1)
        ],
    }  # fmt: skip


def flat(points):
    return [[value for point in points for value in point]]


def folder_of_masks(*names, frames=("{:05d}.png")):
    def make(folder):
        write_frames(folder / "frames", 2, frames)
        for name in names:
            save(folder / "masks" / name, IDS)
        return segment("frames", "masks")

    return make


NEARLY = works(first_mask_overlaps(IDS))
ONE_OBJECT = works(first_mask_overlaps(ONE))
RLES = [dict(encode_rle(number == IDS)) for number in (1, 2)]
_TOOLS = [
    ("LabelMe", given("m.json", labelme(BOTH)), NEARLY, False),
    ("LabelMe, one object", given("m.json", labelme(BOTH[:1])), ONE_OBJECT, False),
    ("LabelMe without shapes", given("m.json", labelme([])),
     refused("m.json", "no (shape|object|polygon)|empty"), False),
    ("LabelMe of another size", given("m.json", labelme(BOTH, 480, 854)),
     refused("854x480"), False),
    ("CVAT for images", given("m.xml", cvat_images(BOTH)), NEARLY, False),
    ("CVAT for video", given("m.xml", cvat_video(BOTH)), NEARLY, False),
    ("CVAT without shapes", given("m.xml", cvat_images([])),
     refused("m.xml", "no (shape|object|polygon)|empty"), False),
    ("COCO polygons", given("m.json", coco([flat(BOX_1), flat(BOX_2)])), NEARLY, False),
    ("COCO codes", given("m.json", coco(RLES)), NEARLY, False),
    ("COCO without annotations", given("m.json", coco([])),
     refused("m.json", "no (annotation|object)|empty"), False),
    ("JSON of something else", given("m.json", {"a": 1}), refused("m.json", "LabelMe|COCO"), False),
    ("JSON cut short", given("m.json", json.dumps(labelme(BOTH))[:-40]),
     refused("m.json", never=("image",)), False),
    ("XML cut short", given("m.xml", cvat_images(BOTH)[:-30]),
     refused("m.xml", never=("image",)), False),
    ("XML of something else", given("m.xml", "<a><b/></a>"), refused("m.xml", "CVAT"), False),
    ("folder with the first frame's mask", folder_of_masks("00000.png", "00001.png"),
     works(first_mask_is(IDS)), False),
    ("folder, frames are JPEG", folder_of_masks("00000.png", frames="{:05d}.bmp"),
     works(first_mask_is(IDS)), False),
    ("folder without it", folder_of_masks("00007.png"), refused("masks", "00000"), False),
]  # fmt: skip
ROWS = [
    Row(name, "annotation tools", make, outcome, fails_today=fails)
    for name, make, outcome, fails in _TOOLS
]
