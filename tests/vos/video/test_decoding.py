"""Video files, streams and what is wrong with them."""

import functools
import http.server
import itertools
import threading
import warnings
from fractions import Fraction

import av
import numpy as np
import pytest

from tests.vos.video.files import QuietHandler, encode_ramp
from vos.errors import InputError
from vos.video.decoding import open_video
from vos.video.filters import conversion_graph
from vos.video.reader import open_frames

# name -> frames, (height, width) upright, average rate, seconds of the last frame
CLIPS = {
    "av1_video.mkv": (125, (360, 640), 25, 4.96),
    "bt709_full_range.mp4": (30, (720, 1280), 30, 0.9667),
    "ffv1_odd_477x269.mkv": (15, (269, 477), 30, 0.467),
    "h264_10bits.mp4": (30, (200, 200), 30, 0.9667),
    "h264_odd_477x269_yuv444.mp4": (60, (269, 477), 30, 1.9667),
    "h264_plain_480x270.mp4": (60, (270, 480), 30, 1.9667),
    "h264_rotated180.mp4": (60, (270, 480), 30, 1.9667),
    "h264_rotated270.mp4": (60, (480, 270), 30, 1.9667),
    "h264_rotated90.mp4": (60, (480, 270), 30, 1.9667),
    "h264_vfr_ms.mkv": (60, (270, 480), 30, 2.862),
    "h264_vfr_ms.mp4": (60, (270, 480), Fraction(64000, 3003), 2.862),
    "h265_10bits.mp4": (30, (200, 200), 30, 0.9667),
    "h265_video.mp4": (10, (128, 128), 10, 0.9),
    "mjpeg_480x270.avi": (30, (270, 480), 30, 0.9667),
    "mpeg4_480x270.avi": (60, (270, 480), 30, 1.9667),
    "nasa_13013.mp4": (390, (270, 480), Fraction(30000, 1001), 12.9796),
    "testsrc2.mp4": (60, (720, 1280), 30, 1.9667),
    "var_fps_video.mp4": (300, (128, 128), Fraction(1125, 56), 14.9333),
    "vp8_480x270.webm": (60, (270, 480), 30, 1.967),
    "vp9_480x270.webm": (60, (270, 480), 30, 1.967),
}


ROTATED = {"h264_rotated90.mp4": -1, "h264_rotated180.mp4": 2, "h264_rotated270.mp4": 1}


def first_by_ffmpeg(path, stream):
    """Decode the first frame and convert it by hand from its planes, as FFmpeg's filter does."""
    with av.open(str(path)) as container:
        frame = next(container.decode(container.streams[stream]))
        graph = av.filter.Graph()
        source = graph.add_buffer(template=container.streams[stream])
        scale, sink = graph.add("scale", "flags=bicubic"), graph.add("buffersink")
        form = graph.add("format", "pix_fmts=rgb24")
        source.link_to(scale)
        scale.link_to(form)
        form.link_to(sink)
        graph.configure()
        graph.push(frame)
        return graph.pull().to_ndarray()


@pytest.mark.parametrize("name", CLIPS)
def test_clip_decodes_right(shared_data, name):
    frames, size, fps, last = CLIPS[name]
    path = shared_data / "videos" / name
    times = []
    with open_frames(path) as reader:
        assert (reader.kind, reader.fps, reader.count) == ("video", fps, frames)
        for position, frame in enumerate(reader):
            if position == 0:
                first = frame.image
            assert frame.image.shape == (*size, 3)
            assert frame.index == position
            assert frame.name == f"{position:05d}"
            times.append(frame.time)
    assert len(times) == frames
    assert times[0] == 0
    assert all(b > a for a, b in itertools.pairwise(times))
    assert times[-1] == pytest.approx(last, abs=1e-3)
    assert first.flags.c_contiguous
    assert first.dtype == np.uint8
    stream = 3 if name.startswith("nasa") else 0
    expected = np.rot90(first_by_ffmpeg(path, stream), ROTATED.get(name, 0))
    np.testing.assert_allclose(first, expected, atol=2)


@pytest.mark.parametrize("name", ["h264_vfr_ms.mp4", "h264_vfr_ms.mkv", "var_fps_video.mp4"])
def test_variable_rate_times_are_those_of_the_file(shared_data, name):
    path = shared_data / "videos" / name
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stamps = sorted(p.pts for p in container.demux(stream) if p.size)
        expected = [float(pts * stream.time_base) for pts in stamps]
    with open_frames(path) as reader:
        times = [frame.time for frame in reader]
    np.testing.assert_allclose(times, expected, atol=1e-9)
    assert len({round(b - a, 3) for a, b in itertools.pairwise(times)}) >= 3


@pytest.mark.parametrize("name", ROTATED)
def test_rotated_clips_show_the_plain_clip(shared_data, name):
    with open_frames(shared_data / "videos/h264_plain_480x270.mp4", end=3) as plain:
        expected = [np.rot90(frame.image, ROTATED[name]) for frame in plain]
    with open_frames(shared_data / "videos" / name, end=3) as reader:
        for frame, upright in zip(reader, expected, strict=True):
            np.testing.assert_array_equal(frame.image, upright)


def test_ten_bit_and_eight_bit_clips_agree(shared_data):
    """Both clips show FFmpeg's test picture: large plain bars have its exact colours."""
    images = []
    for name in ("h264_10bits.mp4", "h265_10bits.mp4"):
        with open_frames(shared_data / "videos" / name, end=1) as reader:
            images.append(next(reader).image.astype(int))
    assert np.abs(images[0] - images[1]).mean() < 4
    assert images[0].min() < 10
    assert images[0].max() > 245


def test_full_range_black_and_white_are_not_stretched(tmp_path):
    """Luma 16 and 235 are black and white in limited range, dark and light gray in full."""
    for limited, expected in ((True, (0, 255)), (False, (16, 235))):
        path = tmp_path / f"{limited}.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height, stream.pix_fmt = 16, 8, "yuv444p"
            stream.codec_context.color_range = 1 if limited else 2
            planes = np.full((3, 8, 16), 128, np.uint8)
            planes[0, :, :8], planes[0, :, 8:] = 16, 235
            frame = av.VideoFrame.from_ndarray(planes, format="yuv444p")
            frame.color_range = 1 if limited else 2
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        with open_frames(path) as reader:
            image = next(reader).image
        assert abs(int(image[4, 2, 0]) - expected[0]) <= 1
        assert abs(int(image[4, 12, 0]) - expected[1]) <= 1


def test_a_clip_over_http(clip):
    handler = functools.partial(QuietHandler, directory=str(clip.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{clip.name}"
        with open_frames(address, start=2, end=30, stride=7) as reader:
            assert reader.kind == "stream"
            assert [frame.index for frame in reader] == [2, 9, 16, 23]
        with pytest.raises(InputError, match="cannot be reached"):
            open_frames(f"http://127.0.0.1:{server.server_port}/none.mp4")
        server.shutdown()


def test_a_live_stream_passes_over_lost_packets(tmp_path):
    """An unseekable transport stream of 60 frames, its middle overwritten, as a network does."""
    path = tmp_path / "live.ts"
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"g": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(60):
            noise = rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode(None))
    data = bytearray(path.read_bytes())
    middle = len(data) // 376 * 188
    data[middle : middle + 1880] = rng.bytes(1880)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), LiveHandler) as server:
        server.data = bytes(data)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open_frames(f"http://127.0.0.1:{server.server_port}/live.ts") as reader:
            assert (reader.kind, reader.count) == ("stream", None)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # FFmpeg may call the end of such a stream an error
                assert 50 <= len(list(reader)) <= 60
        server.shutdown()


class LiveHandler(http.server.BaseHTTPRequestHandler):
    """Send bytes of unknown length, once through."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.data)

    def log_message(self, *args):
        pass


def test_a_stream_that_breaks_off_warns(clip):
    def broken(self, *args):
        yield from itertools.islice(demux(self, *args), 10)
        raise av.error.OSError(5, "Input/output error")

    for live in (True, False):
        video = open_video(str(clip))
        demux = type(video._container).demux
        video._live = live
        video._container = Replaced(video._container, broken)
        if live:
            with pytest.warns(UserWarning, match=r"ramp\.mp4: ended after 10 frames"):
                assert len(list(video.pictures(lambda index: True))) == 10
        else:
            with pytest.raises(InputError, match=r"after 10 readable frames \(Input"):
                list(video.pictures(lambda index: True))


class Replaced:
    """A container whose demux is another function."""

    def __init__(self, container, demux):
        self._container, self._demux = container, demux

    def __getattr__(self, name):
        return getattr(self._container, name)

    def demux(self, *args):
        return self._demux(self._container, *args)


@pytest.mark.parametrize(
    ("name", "codec", "known", "unknown"),
    [
        ("a.mp4", "libx264", (b"avc1", b"avcC"), (b"zzz1", b"zzzC")),
        ("a.mkv", "libx264", (b"V_MPEG4/ISO/AVC",), (b"V_ZZZZZ/ZZZ/ZZZ",)),
        ("a.avi", "mpeg4", (b"FMP4",), (b"ZQX7",)),
    ],
)
def test_a_file_of_no_known_codec(tmp_path, name, codec, known, unknown):
    path = encode_ramp(tmp_path / name, codec)
    data = path.read_bytes()
    for old, new in zip(known, unknown, strict=True):
        assert old in data
        data = data.replace(old, new)
    path.write_bytes(data)
    with pytest.raises(InputError, match=rf"{name}: .*cannot decode; re-encode it"):
        open_frames(path)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.mp4", b"", "not a video"),
        ("a.mp4", b"hello world\n" * 100, "not a video"),
        ("notes.txt", b"hello world\n" * 100, "no video|not a video"),
        ("a.bin", bytes(range(256)) * 20, "not a video|no video"),
    ],
)
def test_files_that_are_no_videos(tmp_path, name, content, found):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=found):
        open_frames(tmp_path / name)


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(InputError, match="holds no video"):
        open_frames(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("name", "share", "least"),
    [
        ("testsrc2.mp4", 0.5, 20),
        ("testsrc2.mp4", 0.9, 50),
        ("av1_video.mkv", 0.5, 30),
        ("ffv1_odd_477x269.mkv", 0.9, 12),
        ("h264_vfr_ms.mkv", 0.9, 40),
        ("vp8_480x270.webm", 0.5, 15),
        ("mjpeg_480x270.avi", 0.5, 12),
        ("mpeg4_480x270.avi", 0.9, 45),
    ],
)
def test_cut_off_videos_give_what_is_whole_and_say_how_much(
    shared_data, tmp_path, name, share, least
):
    whole = shared_data / "videos" / name
    data = whole.read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    frames = []
    with open_frames(tmp_path / name) as reader, pytest.raises(InputError) as error:
        frames.extend(reader)
    assert len(frames) >= least
    assert f"after {len(frames)} readable frames" in str(error.value)
    assert f"--end {len(frames)}" in str(error.value)
    with open_frames(whole) as reader:
        expected = {frame.time: frame.image for frame in reader}
    for frame in frames:
        np.testing.assert_array_equal(frame.image, expected[frame.time])
    with open_frames(tmp_path / name, end=len(frames)) as reader:
        assert len(list(reader)) == len(frames)


def test_a_cut_off_video_without_its_index(shared_data, tmp_path):
    data = (shared_data / "videos/h264_plain_480x270.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="not a video that can be read, or cut off"):
        open_frames(tmp_path / "a.mp4")


def test_a_video_without_one_whole_frame(shared_data, tmp_path):
    data = (shared_data / "videos/vp9_480x270.webm").read_bytes()
    (tmp_path / "a.webm").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="no frame could be decoded"):
        list(open_frames(tmp_path / "a.webm"))


def test_large_files_are_not_counted(clip, shared_data, monkeypatch):
    monkeypatch.setattr("vos.video.decoding._COUNTED_BYTES", 10)
    with open_frames(shared_data / "videos/vp8_480x270.webm", end=5) as reader:
        assert reader.count is None
        assert len(list(reader)) == 5


def high_range(path, number, codes=None):
    """Write a video whose transfer function is the one of that number, in BT.2020.

    With codes, its frames are three fields of the 10-bit Y, Cb, Cr given.
    """

    def setup(context):
        context.color_trc, context.color_primaries, context.colorspace = number, 9, 9

    if codes is None:
        return encode_ramp(path, "libx265", count=3, pixels="yuv420p10le", setup=setup)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 32, "yuv444p10le"
        setup(stream.codec_context)
        planes = np.repeat(np.array(codes, np.uint16).T, 32, axis=1)  # (3, 96)
        frame = av.VideoFrame(96, 32, "yuv444p10le")
        for plane, row in zip(frame.planes, planes, strict=True):
            rows = np.zeros((32, plane.line_size // 2), np.uint16)
            rows[:, :96] = row
            plane.update(rows.tobytes())
        frame.color_trc, frame.color_primaries, frame.colorspace = number, 9, 9
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_high_dynamic_range_becomes_standard(tmp_path):
    """Black, paper white (203 nits) and BT.2020's green at 100 nits, in PQ."""
    path = high_range(tmp_path / "a.mkv", 16, [(64, 512, 512), (573, 512, 512), (366, 311, 214)])
    with (
        pytest.warns(UserWarning, match=r"high dynamic range \(PQ\).*mapped to SDR"),
        open_frames(path) as reader,
    ):
        image = next(reader).image
    black, white, green = (image[16, column].astype(int) for column in (16, 48, 80))
    assert black.max() < 8
    assert np.ptp(white) <= 3
    assert 146 < white.min() < 235  # 146 as it is coded; above lies what is brighter than paper
    assert green[1] > 1.5 * max(green[0], green[2])
    plain = conversion_of(path)
    assert np.ptp(image.reshape(-1, 3)[:, 1]) > np.ptp(plain.reshape(-1, 3)[:, 1])


def conversion_of(path):
    """Return a video's first frame as it is coded."""
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
        graph = conversion_graph(frame, file.streams.video[0].time_base, "rgb24")
        graph.push(frame)
        return graph.pull().to_ndarray()


@pytest.mark.parametrize(("number", "kind"), [(16, "PQ"), (18, "HLG")])
def test_without_tone_mapping_a_high_dynamic_range_is_told(tmp_path, monkeypatch, number, kind):
    for module in ("filters", "decoding"):
        monkeypatch.setattr(f"vos.video.{module}.maps_tones", lambda: False)
    path = high_range(tmp_path / "a.mp4", number)
    with (
        pytest.warns(UserWarning, match=rf"high dynamic range \({kind}\).*without tone mapping"),
        open_frames(path) as reader,
    ):
        assert len(list(reader)) == 3


@pytest.mark.parametrize(("degrees", "aspect"), [(0, Fraction(4, 3)), (90, Fraction(3, 4))])
def test_the_aspect_of_pixels(tmp_path, degrees, aspect):
    def setup(context):
        context.sample_aspect_ratio = Fraction(4, 3)

    path = encode_ramp(tmp_path / "a.mp4", count=2, setup=setup, rotation=degrees)
    with open_frames(path) as reader:
        frames = list(reader)
    assert [frame.pixel_aspect for frame in frames] == [aspect] * 2
    assert frames[0].image.shape == ((96, 64, 3) if degrees else (64, 96, 3))


def test_the_mean_rate_of_a_file_whose_nominal_one_is_wrong(shared_data, clip):
    for path, fps, mean in (
        (shared_data / "videos/h264_vfr_ms.mkv", 30, 59 / 2.862),
        (shared_data / "videos/vp9_480x270.webm", 30, 30),
        (clip, Fraction(30000, 1001), Fraction(30000, 1001)),
    ):
        with open_frames(path) as reader:
            assert reader.fps == fps
            assert float(reader.mean_fps) == pytest.approx(float(mean), rel=1e-3)


def test_frames_of_a_live_source_come_with_their_packets(tmp_path):
    path = encode_ramp(tmp_path / "a.mp4", count=12)
    video = open_video(str(path))
    demux, sent = type(video._container).demux, []

    def watched(self, *args):
        for packet in demux(self, *args):
            sent.append(packet.size)
            yield packet

    video._live = True
    video._container = Replaced(video._container, watched)
    ready = [len(sent) for picture in video.pictures(lambda index: True)]
    video.close()
    assert ready == list(range(1, 13))
