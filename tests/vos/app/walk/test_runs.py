"""What a batch run made, looked at and corrected in the page, and taken by a run again."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from tests.vos.app.walk.clips import middle, small_frames, truth, write_video
from tests.vos.app.walk.exported import masks_of
from vos.masks.io import write_mask

OPTIONS = ("--backbone", "efficientnet_lite0", "--mode", "adaptive", "--direction", "both")
OPTIONS += ("--confidence", "--no-overlay")


@pytest.fixture
def batch(tmp_path, run_program, clip):
    """A list of two clips, of which `vos segment` has made masks of object 1."""
    short = write_video(tmp_path / "short.mp4", [image for image, _ in small_frames()[:6]])
    write_mask(tmp_path / "first.png", truth(0, 1).astype(np.uint8))
    lines = [f"{video},{tmp_path / 'first.png'},{tmp_path / video.stem}" for video in (clip, short)]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(["video,mask,output", *lines]))
    run_program("vos", "segment", "--batch", path, *OPTIONS)
    return path


def least_confidence(run):
    with (run / "confidence.csv").open(newline="") as handle:
        return min(float(row["confidence"]) for row in csv.DictReader(handle))


def test_a_batch_is_corrected_the_least_sure_first(batch, start, visit, run_program, tmp_path):
    page = visit(start("--batch", batch))
    rows = page.page.locator("[data-testid=source]")
    sure = {name: least_confidence(tmp_path / name) for name in ("clip", "short")}
    order = sorted(sure, key=sure.get)
    assert page.page.locator("#sources-panel").is_visible()
    assert rows.all_text_contents() == [f"{name}{sure[name]:.2f}" for name in order]
    page.has_text("#source-name", order[0])

    rows.nth(1).click()
    page.has_text("#source-name", order[1])
    rows.nth(order.index("clip")).click()
    page.has_text("#source-name", "clip")
    page.page.wait_for_selector('body[data-state="ready"]:not([data-mask=""])')
    run = masks_of(tmp_path / "clip" / "masks")
    project = tmp_path / "clip.vos-project"
    assert all(np.array_equal(ids, run[n]) for n, ids in masks_of(project / "masks").items())

    page.go(6)
    page.page.click("[data-testid=object-1]")
    page.change(lambda: page.click(*middle(truth(6, 1))))
    page.choose("eraser")
    page.change(lambda: page.drag(*[(x, middle(truth(6, 1))[1] + 30) for x in (60, 120)]))
    page.propagate()
    again = tmp_path / "again"
    run_program("vos", "segment", tmp_path / "clip.mp4", "--mask", project, "-o", again, *OPTIONS)
    corrected, again = masks_of(project / "masks"), masks_of(again / "masks")
    assert list(corrected) == list(again)
    assert all(np.array_equal(corrected[name], again[name]) for name in again)
    assert any(not np.array_equal(corrected[name], run[name]) for name in run)
