"""Frames read backward are those read forward, in falling order, decoded in windows."""

import zipfile
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from tests.vos.video.files import COUNT, cut, damage, encode_ramp, number_of
from vos.errors import IncompleteSourceError, InputError
from vos.video.backward import reading as backward
from vos.video.backward.reading import open_backward
from vos.video.backward.video import BackwardVideo
from vos.video.decoding import Video
from vos.video.frame_range import FrameRange, ReadingOptions
from vos.video.reader import FrameReader, open_frames

B_FRAMES = (("tune", "psnr"), ("preset", "medium"), ("bf", "3"), ("sc_threshold", "0"))
LONG = (*B_FRAMES, ("g", "250"))
SHORT = (*B_FRAMES, ("g", "7"), ("keyint_min", "7"))
# A quarter of the intervals is longer: the rate varies, and no frames are missing.
TIMES = [40 * i + 25 * (i // 4) + (13 if i % 4 == 3 else 0) for i in range(COUNT)]

CLIPS = {
    "one key frame, mp4": ("a.mp4", {"options": LONG}),
    "short runs, mp4": ("a.mp4", {"options": SHORT}),
    "open groups, mp4": ("a.mp4", {"options": (*SHORT, ("x264-params", "open-gop=1:bframes=3"))}),
    "refresh by columns": (
        "a.mkv",
        {"options": (("preset", "medium"), ("g", "8"), ("intra-refresh", "1"))},
    ),
    "short runs, mkv": ("a.mkv", {"options": SHORT}),
    "varying rate, mkv": ("a.mkv", {"options": SHORT, "times": TIMES}),
    "varying rate, mp4": ("a.mp4", {"options": SHORT, "times": TIMES}),
    "transport stream": ("a.ts", {"options": SHORT}),
    "raw H.264": ("a.h264", {"options": SHORT}),
    "program stream": ("a.mpg", {"codec": "mpeg2video", "options": (("bf", "2"), ("g", "8"))}),
    "fragmented mp4": (
        "a.mp4",
        {"options": SHORT, "container": (("movflags", "frag_keyframe+empty_moov"),)},
    ),
    "H.265": (
        "a.mp4",
        {
            "codec": "libx265",
            "options": (("x265-params", "log-level=none:pools=1:bframes=3:keyint=8"),),
        },
    ),
    "VP9": (
        "a.webm",
        {
            "codec": "libvpx-vp9",
            "options": (("g", "8"), ("lag-in-frames", "6"), ("auto-alt-ref", "1")),
        },
    ),
    "VP8": ("a.webm", {"codec": "libvpx", "options": (("g", "8"), ("auto-alt-ref", "1"))}),
    "MPEG-4": ("a.avi", {"codec": "mpeg4", "options": (("g", "8"),)}),
    "MJPEG": ("a.avi", {"codec": "mjpeg"}),
    "GIF": ("a.gif", {"codec": "gif"}),
    "APNG": ("a.apng", {"codec": "apng"}),
    "FFV1": ("a.mkv", {"codec": "ffv1"}),
    "ten bits": ("a.mp4", {"options": SHORT, "pixels": "yuv422p10le"}),
    "odd size": ("a.mp4", {"options": SHORT, "size": (66, 102), "pixels": "yuv444p"}),
    "pixels that are not square": (
        "a.mp4",
        {"options": SHORT, "setup": lambda c: setattr(c, "sample_aspect_ratio", Fraction(4, 3))},
    ),
    "sound": ("a.mp4", {"options": SHORT, "sound": True}),
}
EDITED = ("use_editlist", "1")
RANGES = (
    FrameRange(),
    FrameRange(start=3, end=21, stride=4),
    FrameRange(start=5, max_size=48),
)


@pytest.fixture
def small_windows(monkeypatch):
    """Let about five of the test's frames wait, so that a clip is read in several windows."""
    monkeypatch.setattr(backward, "WINDOW_BYTES", 60_000)


def assert_backward_is_forward(source, choice=None, last=None, reading=None):
    """Compare both ways of reading and return how many frames there were."""
    choice = choice or FrameRange()
    ways = {"start": choice.start, "end": choice.end, "stride": choice.stride}
    with open_frames(source, **ways, max_size=choice.max_size, reading=reading) as forward:
        ahead = list(forward)
        last = ahead[-1].index if last is None else last
        with open_backward(forward, choice, last, reading) as reader:
            back = list(reader)
    ahead = [frame for frame in ahead if frame.index <= last]
    assert [(f.name, f.index, f.time, f.pixel_aspect) for f in back] == [
        (f.name, f.index, f.time, f.pixel_aspect) for f in reversed(ahead)
    ]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(ahead, reversed(back), strict=True))
    return len(back)


def read_backward(source, last, reading=None):
    with (
        open_frames(source, reading=reading) as forward,
        open_backward(forward, FrameRange(), last, reading) as reader,
    ):
        return list(reader)


@pytest.mark.parametrize("kind", CLIPS)
def test_every_kind_of_file(tmp_path, small_windows, kind):
    name, how = CLIPS[kind]
    path = encode_ramp(tmp_path / name, **how)
    for choice in RANGES:
        count = assert_backward_is_forward(path, choice)
        assert count == len(choice.indexes(COUNT, "clip"))
    assert assert_backward_is_forward(path, last=9) == 10
    assert assert_backward_is_forward(path, last=0) == 1


@pytest.mark.parametrize(
    "name",
    [
        "h264_rotated90.mp4", "h264_rotated270.mp4", "h264_vfr_ms.mkv", "h264_vfr_ms.mp4",
        "var_fps_video.mp4", "h265_10bits.mp4", "av1_video.mkv", "vp9_480x270.webm",
        "h264_odd_477x269_yuv444.mp4",
    ],
)  # fmt: skip
def test_clips_of_cameras(shared_data, monkeypatch, name):
    monkeypatch.setattr(backward, "WINDOW_BYTES", 2_000_000)
    choice = FrameRange(stride=3)
    assert_backward_is_forward(shared_data / "videos" / name, choice, last=24)


@pytest.mark.parametrize("options", [(("g", "7"),), SHORT, LONG])
def test_an_edit_list_that_begins_behind_a_key_frame(tmp_path, small_windows, options):
    path = encode_ramp(tmp_path / "a.mp4", options=options, container=(EDITED,))
    data = path.read_bytes()
    place = data.index(b"elst") + 16
    start = int.from_bytes(data[place : place + 4], "big")
    start += 3 * 512  # of the 12,800 ticks a second of 25 frames
    path.write_bytes(data[:place] + start.to_bytes(4, "big") + data[place + 4 :])
    with open_frames(path) as reader:
        assert number_of(next(reader).image) == 3
    assert assert_backward_is_forward(path) == COUNT - 3


@pytest.mark.parametrize("kind", ["folder", "glob", "list", "image"])
def test_pictures(pictures, kind):
    source = {
        "folder": pictures,
        "glob": str(pictures / "frame*.png"),
        "list": [pictures / f"frame{i}.png" for i in (7, 2, 5, 1)],
        "image": pictures / "frame3.png",
    }[kind]
    for choice in (FrameRange(), FrameRange(stride=3, max_size=16)):
        assert assert_backward_is_forward(source, choice)


@pytest.fixture
def sized(tmp_path):
    """Make a source of a kind, with pictures of these arrays."""

    def make(kind, arrays):
        images = [Image.fromarray(array) for array in arrays]
        if kind == "pages":
            path = tmp_path / "pages.tif"
            images[0].save(path, save_all=True, append_images=images[1:])
            return path
        if kind == "webp":
            path = tmp_path / "a.webp"
            options = {"duration": [40 + i for i in range(len(images))], "lossless": True}
            images[0].save(path, save_all=True, append_images=images[1:], **options)
            return path
        folder = tmp_path / "made"
        folder.mkdir()
        for number, image in enumerate(images):
            image.save(folder / f"p{number}.png")
        if kind == "folder":
            return folder
        with zipfile.ZipFile(tmp_path / "made.zip", "w") as file:
            for path in folder.iterdir():
                file.write(path, path.name)
        return tmp_path / "made.zip"

    return make


@pytest.mark.parametrize("kind", ["folder", "archive", "pages", "webp"])
def test_pictures_in_one_file(sized, monkeypatch, kind):
    monkeypatch.setattr(backward, "WINDOW_BYTES", 5 * 24 * 32 * 3)
    rng = np.random.default_rng(0)
    source = sized(kind, [rng.integers(0, 255, (24, 32, 3), np.uint8) for _ in range(12)])
    for choice in (FrameRange(), FrameRange(start=1, end=11, stride=2, max_size=16)):
        assert assert_backward_is_forward(source, choice)
    assert assert_backward_is_forward(source, last=6) == 7


@pytest.mark.parametrize("kind", ["folder", "archive", "pages"])
def test_twelve_bits_in_sixteen_have_the_brightness_of_the_whole_sequence(sized, monkeypatch, kind):
    """Its brightest frame may be one that is not taken."""
    monkeypatch.setattr(backward, "WINDOW_BYTES", 5 * 24 * 32 * 3)
    rng = np.random.default_rng(0)
    levels = [rng.integers(0, 200 * (n + 1) + 1, (24, 32)).astype(np.uint16) for n in range(12)]
    levels[7][0, 0] = 4000
    source = sized(kind, levels)
    for choice in (FrameRange(), FrameRange(stride=2), FrameRange(start=1, end=6)):
        assert assert_backward_is_forward(source, choice, last=choice.start + 4)
        assert assert_backward_is_forward(source, choice)


@pytest.mark.parametrize("kind", ["folder", "archive", "pages"])
def test_the_size_of_the_first_counts(sized, kind):
    arrays = [np.full((24, 32, 3), n, np.uint8) for n in range(6)]
    arrays[0] = np.zeros((40, 50, 3), np.uint8)
    source = sized(kind, arrays)
    resize = ReadingOptions(on_size_change="resize")
    assert assert_backward_is_forward(source, reading=resize) == 6
    with pytest.raises(InputError, match="the frames before it 50x40"):
        read_backward(source, 5)


def test_pictures_of_several_sizes_get_the_size_of_the_first(pictures):
    Image.new("RGB", (50, 40)).save(pictures / "frame5.png")
    resize = ReadingOptions(on_size_change="resize")
    assert assert_backward_is_forward(pictures, reading=resize) == 12
    with pytest.raises(InputError, match=r"frame5\.png is 50x40"):
        read_backward(pictures, 11)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_damaged_frames_are_left_out_as_forward(tmp_path, small_windows, name):
    path = damage(encode_ramp(tmp_path / name, intra=True), 7)
    with pytest.warns(UserWarning, match="skipped"):
        count = assert_backward_is_forward(path, reading=ReadingOptions(skip_damaged=True))
    assert count < COUNT
    with pytest.raises(IncompleteSourceError, match="damaged after 7 readable frames"):
        read_backward(path, 20)
    assert [frame.index for frame in read_backward(path, 5)] == [5, 4, 3, 2, 1, 0]


def test_a_frame_that_is_not_there(tmp_path):
    path = cut(encode_ramp(tmp_path / "a.avi", intra=True), 13)
    short = ReadingOptions(allow_truncated=True)
    with (
        pytest.warns(UserWarning, match="cut short"),
        pytest.raises(InputError, match="no frame 15; the last one before it is 11"),
    ):
        read_backward(path, 15, short)
    assert len(read_backward(path, 11, short)) == 12


def test_live_sources_are_refused():
    frames = (frame for frame in ())
    camera = FrameReader(
        frames, source="camera:0", kind="camera", files=[], fps=None, count=None, read_ahead=1
    )
    with camera, pytest.raises(InputError, match="cannot be read backward"):
        open_backward(camera, FrameRange(), 4)


def decoded_by(monkeypatch, path):
    """Read a clip backward; return how many windows began at a key frame and at the start."""
    begun = {"key": 0, "start": 0}
    for name, method in (("key", "_after_key"), ("start", "_from_start")):
        original = getattr(BackwardVideo, method)

        def counting(self, *arguments, original=original, name=name):
            window = original(self, *arguments)
            begun[name] += bool(window)
            return window

        monkeypatch.setattr(BackwardVideo, method, counting)
    assert_backward_is_forward(path)
    return begun


def test_long_runs_are_decoded_in_windows_from_their_key_frame(
    tmp_path, small_windows, monkeypatch
):
    begun = decoded_by(monkeypatch, encode_ramp(tmp_path / "a.mp4", options=LONG))
    assert begun["key"] >= 3
    assert begun["start"] == 0


def test_files_without_time_stamps_are_read_from_their_start(tmp_path, small_windows, monkeypatch):
    begun = decoded_by(monkeypatch, encode_ramp(tmp_path / "a.h264", options=SHORT))
    assert begun["start"] >= 3
    assert begun["key"] == 0


def test_a_key_frame_that_gives_other_pictures_is_not_believed(
    tmp_path, small_windows, monkeypatch
):
    """As where FFmpeg seeks to a key frame, and the frames after it show others' remains."""
    original = BackwardVideo._checksum

    def checksum(self, frame):
        begins = getattr(self, "begins", None)
        return original(self, frame) + (begins == "key")

    monkeypatch.setattr(BackwardVideo, "_checksum", checksum)
    for name, method in (("key", "_after_key"), ("start", "_from_start")):
        way = getattr(BackwardVideo, method)

        def begin(self, *arguments, way=way, name=name):
            self.begins = name
            return way(self, *arguments)

        monkeypatch.setattr(BackwardVideo, method, begin)
    begun = decoded_by(monkeypatch, encode_ramp(tmp_path / "a.mp4", options=SHORT))
    assert begun["start"] >= 3
    assert begun["key"] == 0


def test_few_frames_wait_at_a_time(tmp_path, monkeypatch):
    """Half the bytes of the clip's frames: never more wait, whatever the file."""
    monkeypatch.setattr(backward, "WINDOW_BYTES", 60_000)
    path = encode_ramp(tmp_path / "a.mp4", options=LONG)
    waiting = []
    original = BackwardVideo._window

    def noting(self, end):
        window = original(self, end)
        waiting.append(len(window))
        return window

    monkeypatch.setattr(BackwardVideo, "_window", noting)
    assert_backward_is_forward(path)
    assert max(waiting) <= 60_000 // (64 * 96 * 3 // 2)


def test_the_file_is_let_go(tmp_path, monkeypatch):
    closed = []
    original = Video.close

    def close(self):
        closed.append(self)
        original(self)

    path = encode_ramp(tmp_path / "a.mp4", options=LONG)
    with open_frames(path) as forward:
        list(forward)
        monkeypatch.setattr(Video, "close", close)
        reader = open_backward(forward, FrameRange(), COUNT - 1)
        next(reader)
        assert not closed
        reader.close()
    assert len(closed) == 1
    with pytest.raises(StopIteration):
        next(reader)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, small_windows):
    path = encode_ramp(tmp_path / "a.h264", options=SHORT)
    with (
        open_frames(path) as forward,
        open_backward(forward, FrameRange(), COUNT - 1, read_ahead=1) as reader,
    ):
        next(reader)
        encode_ramp(path, count=4, options=SHORT)
        with pytest.raises(InputError, match="changed while it was read"):
            list(reader)


@pytest.mark.parametrize("kind", ["archive", "pages"])
def test_what_is_no_camera_is_told_once(sized, monkeypatch, kind):
    monkeypatch.setattr(backward, "WINDOW_BYTES", 1)
    source = sized(kind, [np.full((24, 32, 3), n, np.uint8) for n in range(4)])
    with pytest.warns(UserWarning) as texts:
        assert_backward_is_forward(source, reading=ReadingOptions(latest=True))
    assert len(texts) == 1
