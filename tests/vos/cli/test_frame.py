"""`vos frame`: which frames are written, where, and what is refused."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from tests.data.clips import picture, write_picture
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.video.images import read_image
from vos.video.reader import open_frames
from vos.video.writer import VideoWriter

FRAMES = 12


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    with VideoWriter(path, Fraction(10), crf=5) as writer:
        for number in range(FRAMES):
            writer.write(picture(number)[0])
    return path


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A video whose frames are shown from 0, 0.1, 0.4, 0.9 and 1.6 s on."""
    path = tmp_path_factory.mktemp("uneven") / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "bgr0"
        stream.codec_context.time_base = Fraction(1, 10)
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(picture(number)[0], format="rgb24")
            frame.pts, frame.time_base = number**2, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("frames")
    for number in range(3):
        write_picture(root / f"img_{number + 9}.png", picture(number)[0])
    return root


def call(*argv):
    return run_verbs("vos", "", VERBS, ["frame", *map(str, argv)])


def frames_of(source):
    with open_frames(source) as frames:
        return [frame.image for frame in frames]


def names(root):
    return sorted(path.name for path in root.iterdir())


def test_the_first_frame_by_default(video, tmp_path, capsys):
    out = tmp_path / "below" / "frame.png"
    assert call(video, "-o", out) == 0
    assert np.array_equal(read_image(out), frames_of(video)[0])
    printed = capsys.readouterr().out
    assert f"frame 0 at 0.000 s, 96x64: {out}" in printed
    assert f"vos segment {video} --mask 0:MASK -o OUT" in printed


def test_several_frames_go_into_a_folder_by_their_names(video, tmp_path):
    assert call(video, "-n", 9, 0, 3, 3, "-o", tmp_path / "out") == 0
    assert names(tmp_path / "out") == ["00000.png", "00003.png", "00009.png"]
    want = frames_of(video)
    for number in (0, 3, 9):
        assert np.array_equal(read_image(tmp_path / "out" / f"{number:05d}.png"), want[number])


def test_pictures_keep_their_names(folder, tmp_path):
    assert call(folder, "-n", 1, 2, "-o", tmp_path) == 0
    assert names(tmp_path) == ["img_10.png", "img_11.png"]
    assert np.array_equal(read_image(tmp_path / "img_11.png"), picture(2)[0])


def test_a_frame_is_upright(tmp_path):
    image = picture(0)[0]
    _, data = cv2.imencode(".jpg", image)
    turned = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    segment = b"\xff\xe1" + (len(turned) + 2).to_bytes(2, "big") + turned
    (tmp_path / "phone.jpg").write_bytes(data[:2].tobytes() + segment + data[2:].tobytes())
    assert call(tmp_path / "phone.jpg", "-o", tmp_path / "out.png") == 0
    assert read_image(tmp_path / "out.png").shape == (96, 64, 3)


@pytest.mark.parametrize(
    ("time", "number"),
    [(0, 0), (0.099, 0), (0.0996, 1), (0.39, 1), (0.4, 2), (0.899, 2), (1.2, 3), (1.6, 4)],
)
def test_the_frame_shown_at_a_time(uneven, tmp_path, time, number):
    assert call(uneven, "-t", time, "-o", tmp_path / "out.png") == 0
    assert np.array_equal(read_image(tmp_path / "out.png"), picture(number)[0])


def test_several_times_may_show_one_frame(uneven, tmp_path):
    assert call(uneven, "-t", 1.5, 0.95, 0, "-o", tmp_path / "out") == 0
    assert names(tmp_path / "out") == ["00000.png", "00003.png"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("-n", 12), "has 12 frames, 0 to 11, so no frame 12"),
        (("-n", 3, 12, 99), "so no frames 12, 99"),
        (("-n", -1), "frame -1: expected 0 or more"),
        (("-t", 1.5), "lasts 1.200 s (12 frames), so it shows none at 1.5 s"),
        (("-t", -1), "expected 0 or more"),
        (("-t", "nan"), "expected 0 or more"),
        (("-n", 1, "-t", 1), "not both"),
    ],
)
def test_frames_that_are_not_there(video, tmp_path, capsys, arguments, text):
    assert call(video, *arguments, "-o", tmp_path / "out") == 2
    assert text in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_outputs_that_do_not_fit(video, folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cases = [
        ((video, "-n", 0, 1, "-o", "out.png"), "do not go into one file, out.png"),
        ((video, "-o", "out.jpg"), "give out.png, or a folder"),
        ((folder, "-t", 0, "-o", "out.png"), "by index (-n), from 0 to 2"),
        ((folder, "-o", folder), "would be taken for one of them"),
        ((folder, "-o", folder / "first.png"), "would be taken for one of them"),
        (("none.mp4", "-o", "out.png"), "no such file"),
    ]
    for arguments, text in cases:
        assert call(*arguments) == 2
        assert text in capsys.readouterr().err
    (tmp_path / "notes").write_text("")
    assert call(video, "-o", "notes") == 2
    assert "notes is no folder" in capsys.readouterr().err
    assert names(tmp_path) == ["notes"]


@pytest.mark.parametrize("out", ["frame.png", "out"])
def test_files_are_replaced_on_request_alone(video, tmp_path, capsys, out):
    written = tmp_path / ("frame.png" if out == "frame.png" else "out/00002.png")
    assert call(video, "-n", 2, "-o", tmp_path / out) == 0
    before = written.read_bytes()
    assert call(video, "-n", 2, "-o", tmp_path / out) == 2
    assert "is there already; replace it (--overwrite)" in capsys.readouterr().err
    written.write_bytes(b"older")
    assert call(video, "-n", 2, "-o", tmp_path / out, "--overwrite") == 0
    assert written.read_bytes() == before
    assert names(written.parent) == [written.name]


def test_a_mask_drawn_on_it_starts_a_run(video, tmp_path):
    """The size of what is written is the size that a run takes masks in."""
    assert call(video, "-n", 4, "-o", tmp_path / "frame.png") == 0
    drawn = np.zeros((*read_image(tmp_path / "frame.png").shape[:2], 4), np.uint8)
    drawn[picture(4)[1] == 3] = (0, 0, 255, 255)  # a red layer, saved alone
    cv2.imwrite(str(tmp_path / "mask.png"), drawn)
    arguments = ["segment", video, "--mask", f"4:{tmp_path / 'mask.png'}", "-o", tmp_path / "out"]
    arguments += ["--start", 4, "--end", 6, "--backbone", "efficientnet_lite0", "--device", "cpu"]
    arguments += ["--short-side", 64, "--precision", "fp32", "--no-overlay"]
    assert run_verbs("vos", "", VERBS, list(map(str, arguments))) == 0
    assert names(tmp_path / "out" / "masks") == ["00004.png", "00005.png"]
