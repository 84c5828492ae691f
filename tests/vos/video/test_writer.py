"""Videos out: what was written comes back, whole files only."""

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.vos.video.files import ramp
from vos.errors import InputError
from vos.video.reader import open_frames
from vos.video.writer import VideoWriter


def scene(count=12, size=(48, 64)):
    """Smooth pictures (T, H, W, 3) that move."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    return [
        np.stack([(x * 3 + 5 * t) % 256, y * 4 % 256, np.full_like(x, 20 * t % 256)], -1).astype(
            np.uint8
        )
        for t in range(count)
    ]


def smooth_scene(count=12, size=(48, 64)):
    """Pictures without hard edges, which survive 4:2:0 and compression nearly unchanged."""
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    return [
        np.stack([60 + x + 2 * t, 80 + y, 200 - x - t], -1).astype(np.uint8) for t in range(count)
    ]


@pytest.mark.parametrize("fps", [Fraction(30000, 1001), 25, 12.5, Fraction(64000, 3003)])
def test_h264_comes_back(tmp_path, fps):
    pictures = smooth_scene()
    with VideoWriter(tmp_path / "a.mp4", fps, crf=10) as writer:
        for picture in pictures:
            writer.write(picture)
    with open_frames(tmp_path / "a.mp4") as reader:
        assert float(reader.fps) == pytest.approx(float(fps), rel=1e-3)
        frames = list(reader)
    assert len(frames) == len(pictures)
    assert frames[-1].time == pytest.approx(11 / float(fps), abs=1e-3)
    error = [np.abs(f.image.astype(int) - p).mean() for f, p in zip(frames, pictures, strict=True)]
    assert max(error) < 3
    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (int(context.colorspace), int(context.color_range)) == (1, 1)


def test_rate_of_thirty_over_1001_is_kept_exactly(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", Fraction(30000, 1001)) as writer:
        for picture in scene(30):
            writer.write(picture)
    with open_frames(tmp_path / "a.mp4") as reader:
        assert reader.fps == Fraction(30000, 1001)


def test_odd_sizes_repeat_the_last_row_and_column(tmp_path):
    pictures = smooth_scene(4, (47, 63))
    with VideoWriter(tmp_path / "a.mp4", 10, crf=10) as writer:
        for picture in pictures:
            writer.write(picture)
    with open_frames(tmp_path / "a.mp4") as reader:
        image = next(reader).image.astype(int)
    assert image.shape == (48, 64, 3)
    assert np.abs(image[:47, :63] - pictures[0]).mean() < 3
    assert np.abs(image[47] - image[46]).mean() < 3


@pytest.mark.parametrize(("codec", "suffix"), [("prores", ".mov"), ("vp9", ".webm")])
def test_alpha_comes_back(tmp_path, codec, suffix):
    pictures = smooth_scene(6)
    alpha = np.zeros((48, 64), np.uint8)
    alpha[10:30, 16:48], alpha[36:44, 16:48] = 255, 128
    path = tmp_path / f"a{suffix}"
    with VideoWriter(path, 25, codec=codec, crf=10) as writer:
        for picture in pictures:
            writer.write(np.dstack([picture, alpha]))
    images = list(decode_rgba(path, codec))
    assert len(images) == 6
    for image, picture in zip(images, pictures, strict=True):
        assert np.abs(image[..., 3].astype(int) - alpha).mean() < 3
        inside = alpha > 0
        assert np.abs(image[..., :3].astype(int) - picture)[inside].mean() < 4


def decode_rgba(path, codec):
    """Decode with alpha; FFmpeg's own VP9 decoder drops it, libvpx keeps it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = av.CodecContext.create("libvpx-vp9", "r") if codec == "vp9" else stream
        for packet in container.demux(stream):
            for frame in decoder.decode(packet):
                yield frame.to_ndarray(format="rgba")


@pytest.mark.parametrize(("codec", "suffix"), [("prores", ".mov"), ("vp9", ".webm")])
def test_the_same_frames_give_the_same_file(tmp_path, codec, suffix):
    for name in ("a", "b"):
        with VideoWriter(tmp_path / f"{name}{suffix}", 25, codec=codec) as writer:
            for picture in scene(8):
                writer.write(np.dstack([picture, picture[..., 0]]))
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("size", [(64, 96), (96, 216)])  # 6 and 14 macroblocks in a row
def test_the_same_frames_give_the_same_file_of_h264(tmp_path, size):
    path = tmp_path / "a.mp4"
    contents = set()
    for _ in range(60):
        with VideoWriter(path, 10) as writer:
            for number in range(8):
                writer.write(ramp(number, size))
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_frames_may_be_reused_by_the_caller(tmp_path):
    buffer = np.zeros((48, 64, 3), np.uint8)
    with VideoWriter(tmp_path / "a.mp4", 25, queue_size=20) as writer:
        for i in range(20):
            buffer[:] = 10 * i
            writer.write(buffer)
    with open_frames(tmp_path / "a.mp4") as reader:
        levels = [int(frame.image[20, 20, 0]) for frame in reader]
    np.testing.assert_allclose(levels, np.arange(20) * 10, atol=3)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_block_leaves_no_file(tmp_path, error):
    (tmp_path / "a.mp4").write_bytes(b"the earlier one")
    with pytest.raises(error), VideoWriter(tmp_path / "a.mp4", 25) as writer:
        writer.write(scene(1)[0])
        raise error
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"the earlier one"


def test_nothing_written_is_an_error(tmp_path):
    with (
        pytest.raises(ValueError, match="no frame was written"),
        VideoWriter(tmp_path / "a.mp4", 25),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "second",
    [
        np.zeros((48, 66, 3), np.uint8),
        np.zeros((48, 64, 4), np.uint8),
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 3), np.float32),
    ],
)
def test_frames_of_another_kind_are_refused(tmp_path, second):
    with (
        pytest.raises(ValueError, match="expected frames"),
        VideoWriter(tmp_path / "a.mp4", 25) as writer,
    ):
        writer.write(scene(1)[0])
        writer.write(second)
    assert list(tmp_path.iterdir()) == []


def test_endings_and_rates_are_checked(tmp_path):
    with pytest.raises(InputError, match=r"a h264 video has to end in \.mp4"):
        VideoWriter(tmp_path / "a.avi", 25)
    with pytest.raises(ValueError, match="above 0"):
        VideoWriter(tmp_path / "a.mp4", 0)


def test_errors_of_the_encoder_come_out(tmp_path, monkeypatch):
    def full_disk(*_args):
        raise av.error.FFmpegError(28, "No space left on device")

    monkeypatch.setattr("vos.video.writer._Encoder._open", full_disk)
    with (
        pytest.raises(OSError, match="No space left") as raised,
        VideoWriter(tmp_path / "a.mp4", 25, queue_size=1) as writer,
    ):
        for picture in scene(40):
            writer.write(picture)
    assert raised.value.errno == 28
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("codec", "suffix"), [("h264", "mp4"), ("prores", "mov")])
def test_pixels_keep_their_aspect(tmp_path, codec, suffix):
    path = tmp_path / f"a.{suffix}"
    with VideoWriter(path, 25, codec=codec) as writer:
        for _ in range(2):
            image = np.zeros((32, 48, 3 if codec == "h264" else 4), np.uint8)
            writer.write(image, pixel_aspect=Fraction(16, 11))
    with av.open(str(path)) as file:
        assert file.streams.video[0].sample_aspect_ratio == Fraction(16, 11)
