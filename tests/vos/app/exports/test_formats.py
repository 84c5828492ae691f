"""The list of formats."""

from vos.app.exports.formats import FORMATS, ExportOptions, checked_formats, frames_needed


def test_each_format_says_what_it_is():
    assert all(name == form.name and form.holds.endswith(".") for name, form in FORMATS.items())
    assert {form.extension for form in FORMATS.values()} <= {
        ".zip", ".mp4", ".mov", ".json", ".xml", ".csv",
    }  # fmt: skip


def test_formats_asked_for_twice_are_written_once():
    assert [form.name for form in checked_formats(["yolo", "cvat", "yolo"])] == ["yolo", "cvat"]


def test_what_needs_the_frames():
    assert frames_needed(checked_formats(["masks", "overlay"]), ExportOptions())
    assert not frames_needed(checked_formats(["masks", "yolo"]), ExportOptions())
    assert frames_needed(checked_formats(["labelme"]), ExportOptions(pictures="png"))
    assert not frames_needed(checked_formats(["cvat"]), ExportOptions(pictures="png"))
