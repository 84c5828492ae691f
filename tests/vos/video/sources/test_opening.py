"""How sources are opened, by what they are."""

import pytest

from tests.vos.video.files import encode_ramp
from vos.video.sources.opening import connect, opening_options


def test_files_cameras_and_addresses(tmp_path):
    path = encode_ramp(tmp_path / "a:b.mp4", count=2)
    assert opening_options(str(path)) == {"file": f"file:{path}"}
    path = encode_ramp(tmp_path / "a.png", "apng", count=2, form="apng")
    assert opening_options(str(path)) == {"file": f"file:{path}", "format": "apng"}
    assert opening_options("/dev/video3") == {"format": "v4l2"}
    rtsp, http = opening_options("rtsp://host/x"), opening_options("http://host/x")
    assert (rtsp["options"], http["options"]) == ({"rtsp_transport": "tcp"}, {})
    assert rtsp["timeout"] == http["timeout"]


def test_connecting_gives_the_stream_of_pictures(tmp_path):
    container, stream = connect(str(encode_ramp(tmp_path / "a.mp4", count=2, sound=True)))
    with container:
        assert stream.type == "video"
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nx\n\n")
    with pytest.raises(ValueError, match="no video"):
        connect(str(tmp_path / "a.srt"))
