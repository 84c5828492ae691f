"""Reading all data once: the report and the contact sheet."""

import json

import cv2

from pretrain.sources.inspection import check_data, write_report
from pretrain.sources.mixture import Mixture


def test_a_report_counts_every_sample(folder, tmp_path):
    (folder / "bad.jpg").write_bytes(b"junk")
    calls = []
    report, sheet = check_data(Mixture([str(folder)]), 32, lambda **note: calls.append(note))
    assert (report.samples, list(report.broken), report.smaller_than_crop) == (4, ["bad.jpg"], 3)
    assert report.short_sides == [20] * 3 and report.formats == {"JPEG": 3}
    assert len(calls) == 4 and calls[-1] == {"note": "1 broken"}
    assert "4 samples read, 1 broken" in report.lines()
    write_report(tmp_path / "out", report, sheet)
    written = json.loads((tmp_path / "out" / "data.json").read_text())
    assert written["broken"] == {"bad.jpg": "not an image"}
    assert written["short_side_percentiles"]["50"] == 20
    assert cv2.imread(str(tmp_path / "out" / "contact_sheet.png")).shape == sheet.shape
