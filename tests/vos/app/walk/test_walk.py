"""From a clip to masks in every format, as a user goes: each step in the browser."""

from __future__ import annotations

import csv

import cv2
import numpy as np

from tests.vos.app.walk import exported
from tests.vos.app.walk.clips import COUNT, HEIGHT, WIDTH, middle, overlap, small_frames, truth
from vos.masks.io import read_index_png
from vos.segmentation.measurements import measure

NAMES = [f"{number:05d}" for number in range(COUNT)]
CORRECTED = 10


def test_from_a_clip_to_exported_masks_and_on_after_a_kill(
    clip, start, visit, run_program, tmp_path
):
    server = start(clip)
    page = visit(server)
    project = tmp_path / "clip.mp4.vos-project"
    assert page.data("frame") == "0"
    shown, image = page.pixel(200, 20)[:3], small_frames()[0][0]
    assert np.abs(np.array(shown) - image[20, 200]).max() < 30
    mark_with_each_tool(page, project)
    assert page.propagate() == {"frames": COUNT, "computed": COUNT}
    correct_in_the_middle(page)

    out = tmp_path / "out"
    options = ("--mode", "adaptive", "--direction", "both", "--no-overlay")
    options += ("--backbone", "efficientnet_lite0")
    run_program("vos", "segment", clip, "--mask", project, "-o", out, *options)
    assert_equal(exported.masks_of(project / "masks"), exported.masks_of(out / "masks"))

    undo_and_redo(page)
    check_exports(page, project, clip, tmp_path / "downloads")

    before = page.document()
    server.kill()
    page.wait(connection="down")
    page.has_text("#connection-line", "The connection to the server is lost.")
    page = visit(start("--project", project))
    after = page.document()
    assert (after["state"], after["undo"]) == (before["state"], before["undo"])
    page.change(lambda: page.press("Control+z"))
    assert page.document()["redo"] == before["undo"]


def ids_of(project, frame):
    return read_index_png(project / "masks" / f"{frame:05d}.png")


def assert_equal(masks, wanted):
    assert list(masks) == list(wanted)
    for name, ids in wanted.items():
        assert np.array_equal(masks[name], ids), f"frame {name}"


def mark_with_each_tool(page, project):
    """A click, a box corrected by brush and eraser, and a polygon: three objects on frame 0."""
    page.change(lambda: page.click(*middle(truth(0, 1))), changes=2)
    assert overlap(ids_of(project, 0) == 1, truth(0, 1)) > 0.5

    page.add_object(2)
    page.choose("box")
    ys, xs = truth(0, 2).nonzero()
    corners = (xs.min(), ys.min()), (xs.max() + 0.9, ys.max() + 0.9)
    page.change(lambda: page.drag(*corners))
    assert overlap(ids_of(project, 0) == 2, truth(0, 2)) > 0.5

    page.choose("brush")
    page.change(lambda: page.drag((200, 20), (260, 20)))
    assert (ids_of(project, 0)[20, 200:261] == 2).all()
    page.choose("eraser")
    page.change(lambda: page.drag((190, 20), (230, 20)))
    row = ids_of(project, 0)[20]
    assert not (row[195:231] == 2).any()
    assert (row[250:261] == 2).all()

    page.add_object(3)
    page.choose("polygon")
    outlines, _ = cv2.findContours(
        truth(0, 3).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    for point in cv2.approxPolyDP(max(outlines, key=len), 3, closed=True)[:, 0]:
        page.click(*point)
    page.change(lambda: page.press("Enter"))
    assert overlap(ids_of(project, 0) == 3, truth(0, 3)) > 0.85
    assert sorted(page.frames()[0]["areas"]) == ["1", "2", "3"]


def correct_in_the_middle(page):
    """A correction concerns what lies behind it, and in both directions what lies before it."""
    before = page.frames()
    page.go(CORRECTED)
    page.choose("click")
    page.page.click("[data-testid=object-1]")
    page.change(lambda: page.click(*middle(truth(CORRECTED, 1))))
    assert page.document()["stale"] == [[0, COUNT - 1]]
    result = page.propagate("f")
    assert result["frames"] == COUNT - CORRECTED
    assert result["computed"] < COUNT  # from the last state on disk on
    behind = page.frames()
    assert [behind[n] for n in range(CORRECTED)] == [before[n] for n in range(CORRECTED)]

    result = page.propagate()
    assert (result["frames"], result["computed"]) == (CORRECTED, CORRECTED + 1)
    merged = page.frames()
    assert [merged[n] for n in range(CORRECTED, COUNT)] == [
        behind[n] for n in range(CORRECTED, COUNT)
    ]
    assert page.document()["stale"] == []
    assert page.propagate() == {"frames": 0, "computed": 0}


def undo_and_redo(page):
    states = [page.state()]
    for label in ("Propagate", "Propagate", "Click"):
        assert page.document()["undo"] == label
        page.change(lambda: page.press("Control+z"))
        states.append(page.state())
    assert f"prompts/{CORRECTED}/1" not in states[-1]
    for state in states[-2::-1]:
        page.change(lambda: page.press("Control+Shift+z"))
        assert page.state() == state


def check_exports(page, project, clip, folder):
    """Read every format back, by other code where there is some, and compare it."""
    wanted = exported.masks_of(project / "masks")
    assert list(wanted) == NAMES
    files = page.exported(folder)
    assert_equal(exported.read_masks(files["masks"], NAMES), wanted)
    assert_equal(exported.read_youtube_vos(files["youtube-vos"], NAMES), wanted)
    assert_equal(exported.read_coco(files["coco"], NAMES), wanted)
    assert_equal(exported.read_cvat(files["cvat"], NAMES), wanted)
    assert_equal(exported.read_labelme(files["labelme"], NAMES), wanted)
    assert_equal(exported.read_yolo(files["yolo"], NAMES, (HEIGHT, WIDTH)), wanted)
    shown = {name: (ids > 0).astype(np.uint8) for name, ids in wanted.items()}
    assert_equal(exported.read_cut_outs(files["cut-outs"], NAMES), shown)
    alphas = exported.read_alpha_video(files["cut-outs-video"])
    for alpha, ids in zip(alphas, shown.values(), strict=True):
        assert overlap(alpha > 127, ids > 0) > 0.98
    frames = zip(
        exported.read_frames(files["overlay"]), exported.read_frames(clip), shown.values(),
        strict=True,
    )  # fmt: skip
    for overlay, image, ids in frames:
        change = np.abs(overlay.astype(int) - image).mean(2)
        assert change[ids == 0].mean() < 10
        assert change[ids > 0].mean() > 25
    check_tables(page, files, wanted)


def check_tables(page, files, wanted):
    with files["measurements"].open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    area = next(name for name in rows[0] if name.startswith("area"))
    for row in rows:
        known = measure(wanted[f"{int(row['frame']):05d}"])
        object_id = int(row["object"])
        assert float(row[area]) == (known[object_id].area if object_id in known else 0)
    frames = page.frames()
    with files["confidence"].open(newline="") as handle:
        for row in csv.DictReader(handle):
            sure = frames[int(row["frame"])]["confidence"][row["object"]]
            assert float(row["confidence"]) == sure
