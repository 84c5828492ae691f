"""Codecs and filters: those of this FFmpeg, and what a build without them is told."""

import pytest

from vos.doctor import video_support
from vos.doctor.video_support import codec_name, video_checks
from vos.segmentation.options import OutputOptions


def test_pyav_of_the_index_has_all_that_is_needed():
    checks = list(video_checks())
    assert [check for check in checks if check.state == "fails"] == []
    by_name = {check.name: check for check in checks}
    assert by_name["read H.264"].detail == "h264"
    assert by_name["write h264"].detail == "libx264"


def test_a_codec_is_named_or_none():
    assert codec_name(("no-such-codec", "h264"), "r") == "h264"
    assert codec_name(("no-such-codec",), "r") is None


@pytest.mark.parametrize(
    ("missing", "name", "state"),
    [
        ("h264", "read H.264", "fails"),
        ("ffv1", "read FFV1", "absent"),
        ("libx264", "write h264", "fails"),
        ("prores_ks", "write prores", "absent"),
    ],
)
def test_a_missing_codec_fails_where_the_main_job_needs_it(monkeypatch, missing, name, state):
    def without(names, mode):
        return None if missing in names else names[0]

    monkeypatch.setattr(video_support, "codec_name", without)
    check = next(check for check in video_checks() if check.name == name)
    assert check.state == state
    assert bool(check.advice) == (state == "fails")


def test_what_lacks_names_the_option_that_needs_it(monkeypatch):
    monkeypatch.setattr(video_support, "codec_name", lambda names, mode: None)
    details = {check.name: check.detail for check in video_checks()}
    assert details["write h264"].endswith("overlay.mp4, which vos segment writes, needs it")
    assert details["write prores"].endswith("alpha.mov, which --alpha video writes, needs it")
    assert "--alpha" not in details["write vp9"]
    assert OutputOptions(alpha="video").alpha == "video"


def test_missing_filters_fail(monkeypatch):
    monkeypatch.setattr(video_support, "_FILTERS", ("scale", "no-such-filter"))
    check = next(check for check in video_checks() if check.name == "filters")
    assert (check.state, check.detail) == ("fails", "no no-such-filter")
