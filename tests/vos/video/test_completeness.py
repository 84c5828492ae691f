"""Videos that are cut short or damaged: an error, and right numbers for what is readable."""

import pytest

from tests.vos.video.files import COUNT, cut, damage, encode_ramp, number_of, packet_places
from vos.errors import IncompleteSourceError, InputError
from vos.video.frame_range import ReadingOptions
from vos.video.numbering import missing_between
from vos.video.reader import open_frames

FAST = {"movflags": "faststart"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
SKIP = ReadingOptions(skip_damaged=True)
CUT_ALLOWED = ReadingOptions(allow_truncated=True)
FILES = {
    "MP4": ("a.mp4", {"container": FAST}),
    "MP4 with B frames": ("a.mp4", {"container": FAST, "options": {"bf": "2", "tune": "film"}}),
    "MP4 in fragments": ("a.mp4", {"container": FRAGMENTS, "intra": True}),
    "HEVC": ("a.mp4", {"codec": "libx265", "container": FAST}),
    "Matroska": ("a.mkv", {}),
    "WebM": ("a.webm", {"codec": "libvpx-vp9"}),
    "AVI": ("a.avi", {"codec": "mpeg4"}),
    "GIF": ("a.gif", {"codec": "gif"}),
    "animated PNG": ("a.apng", {"codec": "apng", "form": "apng"}),
}


def read(path, **options):
    """Return the indexes read and the error that ended them, None if all went well."""
    indexes, error = [], None
    with open_frames(path, **options) as reader:
        try:
            for frame in reader:
                assert number_of(frame.image) == frame.index
                indexes.append(frame.index)
        except InputError as raised:
            error = raised
    return indexes, error


def made(tmp_path, kind):
    name, options = FILES[kind]
    return encode_ramp(tmp_path / name, **options)


@pytest.mark.parametrize("kind", FILES)
def test_whole_files_are_whole(tmp_path, kind):
    assert read(made(tmp_path, kind)) == (list(range(COUNT)), None)


@pytest.mark.parametrize("share", [0, 0.5])
@pytest.mark.parametrize("packets", [9, COUNT - 1])
@pytest.mark.parametrize("kind", FILES)
def test_files_cut_short_are_not_taken_as_whole(tmp_path, kind, packets, share):
    path = cut(made(tmp_path, kind), packets, share)
    indexes, error = read(path)
    assert indexes == list(range(len(indexes)))
    assert packets - 3 <= len(indexes) <= packets
    assert isinstance(error, IncompleteSourceError)
    assert f"after {len(indexes)} readable frames" in str(error)
    assert "--allow-truncated" in str(error)
    with pytest.warns(UserWarning, match="cut short"):
        assert read(path, reading=CUT_ALLOWED) == (indexes, None)


def test_a_cut_inside_the_sound(tmp_path):
    path = encode_ramp(tmp_path / "a.mp4", container=FAST, sound=True)
    picture = packet_places(path)[9][0]
    offset, size = next(p for p in packet_places(path, "audio") if p[0] > picture)
    path.write_bytes(path.read_bytes()[: offset + size // 2])
    indexes, error = read(path)
    assert 0 < len(indexes) < COUNT
    assert f"its index lists {COUNT} frames" in str(error)


DAMAGED = {
    "H.264": ("a.mp4", {"intra": True}, 12),
    "H.264 with references": ("a.mp4", {}, 12),
    "HEVC": ("a.mp4", {"codec": "libx265"}, 6),
    "VP9": ("a.webm", {"codec": "libvpx-vp9"}, 12),
    "FFV1": ("a.mkv", {"codec": "ffv1", "intra": True}, 40),
    "Motion JPEG": ("a.avi", {"codec": "mjpeg"}, 700),
    "PNG": ("a.mov", {"codec": "png"}, 100),
    "MPEG-4": ("a.avi", {"codec": "mpeg4"}, 100),
    "fragments": ("a.mp4", {"container": FRAGMENTS, "intra": True}, 12),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_reading_stops_before_a_damaged_frame(tmp_path, kind):
    name, options, keep = DAMAGED[kind]
    path = damage(encode_ramp(tmp_path / name, **options), 3, keep)
    indexes, error = read(path)
    assert indexes == [0, 1, 2]
    assert isinstance(error, IncompleteSourceError)
    assert "damaged" in str(error)
    assert "--end 3" in str(error)
    assert read(path, end=3) == ([0, 1, 2], None)
    assert read(path, end=5)[0] == [0, 1, 2]


@pytest.mark.parametrize("kind", ["H.264", "FFV1", "Motion JPEG", "PNG", "fragments"])
def test_skipped_frames_keep_their_numbers(tmp_path, kind):
    name, options, keep = DAMAGED[kind]
    path = damage(encode_ramp(tmp_path / name, **options), 3, keep)
    with pytest.warns(UserWarning, match="1 damaged or missing frames were skipped"):
        indexes, error = read(path, reading=SKIP)
    assert (indexes, error) == ([n for n in range(COUNT) if n != 3], None)


@pytest.mark.parametrize(
    ("name", "codec", "keep"),
    [("a.mkv", "ffv1", 60), ("a.webm", "libvpx-vp9", 12), ("a.mkv", "libx264", 12)],
)
def test_frames_that_are_noise_without_a_damaged_one_are_skipped(tmp_path, name, codec, keep):
    path = damage(encode_ramp(tmp_path / name, codec, options={"g": "8"}), 3, keep)
    lost = 1 if codec == "libx264" else 5
    with (
        pytest.warns(UserWarning, match=f" {lost} damaged or missing frames were skipped"),
        open_frames(path, reading=SKIP) as reader,
    ):
        frames = list(reader)
    later = range(3 + lost, COUNT)
    assert [frame.index for frame in frames] == [0, 1, 2, *later]
    assert all(number_of(f.image) == f.index for f in frames if f.index < 3 or f.index >= 8)


@pytest.mark.parametrize(("name", "codec", "keep"), [("a.mp4", "libx264", 800),
                                                     ("a.mov", "png", 100)])  # fmt: skip
def test_a_damaged_first_frame_is_told(tmp_path, name, codec, keep):
    path = damage(encode_ramp(tmp_path / name, codec, intra=codec == "libx264"), 0, keep)
    indexes, error = read(path)
    assert indexes == []
    assert "first frame is damaged" in str(error)
    with pytest.warns(UserWarning, match="skipped"):
        indexes, error = read(path, reading=SKIP)
    assert (indexes, error) == (list(range(1, COUNT)), None)
    with open_frames(path, reading=SKIP) as reader:
        assert next(reader).time == pytest.approx(0.04)


def test_a_packet_that_is_left_out_is_a_gap(tmp_path):
    times = [40 * n for n in range(COUNT) if n != 5]
    path = encode_ramp(tmp_path / "a.mkv", count=COUNT - 1, times=times)
    with open_frames(path) as reader:
        with pytest.raises(IncompleteSourceError, match="damaged after 5 readable frames"):
            list(reader)
        assert reader.count == COUNT
    with (
        pytest.warns(UserWarning, match="skipped"),
        open_frames(path, reading=SKIP) as reader,
    ):
        assert [frame.index for frame in reader] == [n for n in range(COUNT) if n != 5]


def test_gaps_are_told_from_rates_that_vary():
    assert missing_between([0, 33, 67, 100, 133, 167, 200]) == {}
    assert missing_between([0, 33, 67, 100, 200, 233, 267, 300]) == {200: 2}
    assert missing_between([0, 20, 60, 160, 193, 213, 253, 353]) == {}
    assert missing_between([0, 40, 80, 120, 160, 200, 240, 330]) == {}
    assert missing_between([7]) == missing_between([]) == {}
