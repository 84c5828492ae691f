"""At which packets decoding may begin."""

import av
import pytest

from tests.vos.video.files import encode_ramp
from vos.video.frame_store.entries import EntryCheck

GROUPS = {"tune": "film", "preset": "medium", "bf": "3", "sc_threshold": "0"}
OPEN = "open-gop=1:keyint=8:min-keyint=8:scenecut=0"
REFRESH = "intra-refresh=1:keyint=8"


def entries(path, change=bytes):
    """Return the numbers of the packets where decoding may begin, after a change of their bytes."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        check = EntryCheck(stream)
        return [n for n, p in enumerate(file.demux(stream)) if p.size and check(Changed(p, change))]


class Changed:
    """A packet with other bytes."""

    def __init__(self, packet, change):
        self.is_keyframe, self.pts = packet.is_keyframe, packet.pts
        self._data = change(bytes(packet))

    def __bytes__(self):
        return self._data


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize(
    ("parameters", "count"), [("keyint=8:min-keyint=8:scenecut=0", 3), (OPEN, 3), (REFRESH, 1)]
)
def test_groups_of_h264(tmp_path, name, parameters, count):
    path = encode_ramp(tmp_path / name, options={**GROUPS, "x264-params": parameters})
    assert len(entries(path)) == count


def test_a_recovery_that_is_not_exact_is_no_entry(tmp_path):
    path = encode_ramp(tmp_path / "a.mp4", options={**GROUPS, "x264-params": OPEN})
    exact, later = b"\x06\x06\x01\xc4", b"\x06\x06\x01\x84"  # the bit of an exact match
    assert len(entries(path)) == 3
    assert len(entries(path, lambda data: data.replace(exact, later))) == 1


@pytest.mark.parametrize("name", ["a.mp4", "a.ts"])
def test_hevc(tmp_path, name):
    options = {"x265-params": "log-level=none:pools=1:bframes=3:keyint=8:min-keyint=8:open-gop=1"}
    path = encode_ramp(tmp_path / name, "libx265", options=options)
    assert len(entries(path)) == 3


@pytest.mark.parametrize(
    ("name", "codec", "count"),
    [("a.avi", "mjpeg", 24), ("a.webm", "libvpx", 3), ("a.gif", "gif", 0)],
)
def test_other_codecs(tmp_path, name, codec, count):
    """A GIF's pictures are parts that are laid over those before them."""
    assert len(entries(encode_ramp(tmp_path / name, codec, options={"g": "8"}))) >= count
    if codec == "gif":
        assert not entries(tmp_path / name)
