"""Frames of videos as samples, by either reader."""

import av
import numpy as np
import pytest

from pretrain.sources.decode import BrokenImageError
from pretrain.sources.mixture import SourceOptions, open_source
from pretrain.sources.videos import VideoSource, frame_by_seeking

RANDOM = np.random.default_rng(0)


def make_video(path, frames=30, codec="mpeg4"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            picture = np.full((48, 64, 3), number * 8, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def test_video_frames_come_from_their_own_stretch(tmp_path):
    make_video(tmp_path / "clip.mp4")
    (source,) = open_source(str(tmp_path), SourceOptions(frames_per_video=3))
    assert len(source) == 3 and source.name(2) == "clip.mp4#2"
    for part in range(3):
        for seed in range(4):
            frame = source.read(part, np.random.default_rng(seed))
            assert frame.shape == (48, 64, 3)
            assert part * 80 - 6 <= frame.mean() <= part * 80 + 80


def test_videos_open_without_decord(tmp_path, monkeypatch):
    make_video(tmp_path / "clip.mp4")
    monkeypatch.setattr("pretrain.sources.videos._open_with_decord", lambda path: None)
    source = VideoSource(tmp_path, ["clip.mp4"], 3)
    for part in range(3):
        mean = source.read(part, RANDOM).mean()
        assert part * 80 - 6 <= mean <= part * 80 + 90


def test_a_video_that_decord_cannot_open_is_sought(shared_data):
    frame = frame_by_seeking(str(shared_data / "videos" / "av1_video.mkv"), 0.5)
    assert frame.ndim == 3 and frame.dtype == np.uint8
    source = VideoSource(shared_data / "videos", ["av1_video.mkv"], 2)
    assert source.read(1, RANDOM).shape == frame.shape


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_turned_videos_are_upright_by_either_reader(shared_data, turn):
    folder, name = shared_data / "videos", f"h264_rotated{turn}.mp4"
    reader = VideoSource(folder, [name], 60).read(0, RANDOM)
    sought = frame_by_seeking(str(folder / name), 0.0)
    assert sought.shape == reader.shape and sought.flags["C_CONTIGUOUS"]
    assert np.abs(sought.astype(float) - reader).mean() < 5


def test_a_broken_video_is_a_broken_sample(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"no video")
    (source,) = open_source(str(tmp_path / "x.mp4"))
    with pytest.raises(BrokenImageError):
        source.read(0, RANDOM)


def test_only_so_many_videos_stay_open(tmp_path):
    names = [make_video(tmp_path / f"{i}.mp4", 5).name for i in range(6)]
    source = VideoSource(tmp_path, names, 1)
    for index in range(6):
        source.read(index, RANDOM)
    assert len(source._readers) == 4
