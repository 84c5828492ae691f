"""Frames of a video by number are those of reading it in order."""

import re
import shutil
import threading
import time

import numpy as np
import pytest

from tests.vos.video.files import COUNT, cut, damage, encode_ramp, number_of
from tests.vos.video.frame_store.stores import (
    assert_random_is_in_order,
    assert_same,
    in_order,
    indexed,
)
from vos.errors import InputError
from vos.video.frame_range import ReadingOptions
from vos.video.frame_store import video as video_module
from vos.video.frame_store.index import FrameIndex
from vos.video.frame_store.seeking import SeekingDecoder
from vos.video.frame_store.store import FrameStore

B_FRAMES = {"tune": "film", "preset": "medium", "bf": "3", "sc_threshold": "0"}
SHORT = {**B_FRAMES, "g": "8", "keyint_min": "8"}
LONG = {**B_FRAMES, "g": "250"}
OPEN = {**B_FRAMES, "x264-params": "open-gop=1:b-pyramid=2:keyint=8:min-keyint=8:scenecut=0"}
REFRESH = {**B_FRAMES, "x264-params": "intra-refresh=1:keyint=8"}
HEVC = {"x265-params": "log-level=none:pools=1:bframes=3:keyint=8:min-keyint=8:open-gop=1"}
VP9 = {"g": "6", "lag-in-frames": "16", "auto-alt-ref": "1", "deadline": "good"}
TIMES = [40 * i + 25 * (i // 4) + (13 if i % 4 == 3 else 0) for i in range(COUNT)]
GAP = [40 * i for i in range(10)] + [40 * i for i in range(13, COUNT + 3)]
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}
SKIP = ReadingOptions(skip_damaged=True)
# name -> file, how it is made, whether its frames can be numbered without decoding
CLIPS = {
    "short groups": ("a.mp4", {"options": SHORT}, True),
    "one group": ("a.mp4", {"options": LONG}, True),
    "open groups": ("a.mp4", {"options": OPEN}, True),
    "open groups in Matroska": ("a.mkv", {"options": OPEN}, True),
    "open groups in a transport stream": ("a.ts", {"options": OPEN}, True),
    "refresh by columns": ("a.mkv", {"options": REFRESH}, True),
    "fragments": ("a.mp4", {"options": SHORT, "container": FRAGMENTS}, True),
    "varying rate, Matroska": ("a.mkv", {"options": SHORT, "times": TIMES}, True),
    "varying rate, MP4": ("a.mp4", {"options": SHORT, "times": TIMES}, True),
    "HEVC": ("a.mp4", {"codec": "libx265", "options": HEVC}, True),
    "HEVC in a transport stream": ("a.ts", {"codec": "libx265", "options": HEVC}, True),
    "VP9": ("a.webm", {"codec": "libvpx-vp9", "options": VP9}, True),
    "VP8": ("a.webm", {"codec": "libvpx", "options": VP9}, True),
    "MPEG-2": ("a.ts", {"codec": "mpeg2video", "options": {"g": "6", "bf": "2"}}, True),
    "MPEG-4 with packets that may be empty": (
        "a.avi", {"codec": "mpeg4", "options": {"g": "6", "bf": "2"}}, False,
    ),
    "Motion JPEG": ("a.avi", {"codec": "mjpeg"}, True),
    "GIF": ("a.gif", {"codec": "gif"}, True),
    "animated PNG": ("a.apng", {"codec": "apng", "form": "apng"}, True),
    "FFV1": ("a.mkv", {"codec": "ffv1", "options": {"g": "5"}}, True),
    "H.264 without time stamps": ("a.h264", {"options": SHORT, "form": "h264"}, False),
    "sound": ("a.mp4", {"options": SHORT, "sound": True}, True),
    "turned": ("a.mp4", {"options": SHORT, "rotation": 90}, True),
}  # fmt: skip


def made(folder, kind):
    name, how, _ = CLIPS[kind]
    return encode_ramp(folder / name, **how)


@pytest.mark.parametrize("kind", CLIPS)
def test_any_order_gives_the_frames_of_reading_in_order(tmp_path, kind):
    path = made(tmp_path, kind)
    assert assert_random_is_in_order(path) >= COUNT - 1
    with indexed(path) as store:
        assert store.count_is_exact == CLIPS[kind][2]
        assert store.count == COUNT or not CLIPS[kind][2]


@pytest.mark.parametrize("kind", ["short groups", "open groups in Matroska", "VP9", "fragments"])
def test_frames_are_right_before_the_index_is_there(tmp_path, monkeypatch, kind):
    build = video_module.build_index

    def slow(*args):
        time.sleep(0.2)
        return build(*args)

    monkeypatch.setattr(video_module, "build_index", slow)
    path = made(tmp_path, kind)
    with FrameStore(path) as store:
        assert number_of(store.frame(0).image) == 0
        assert not store.is_indexed
    assert assert_random_is_in_order(path, wait=False) == COUNT


@pytest.mark.parametrize("max_size", [None, 50])
def test_frames_are_kept_and_brought_down(tmp_path, max_size):
    path = made(tmp_path, "open groups")
    assert assert_random_is_in_order(path, memory_bytes=60_000, max_size=max_size) == COUNT


def test_an_edit_list_that_begins_behind_a_key_frame(tmp_path):
    container = {"use_editlist": "1"}
    path = encode_ramp(tmp_path / "a.mp4", options=OPEN, container=container)
    data = path.read_bytes()
    place = data.index(b"elst") + 16
    start = int.from_bytes(data[place : place + 4], "big")
    for frames in (3, 11):
        shifted = (start + frames * 512).to_bytes(4, "big")  # 12,800 ticks a second
        path.write_bytes(data[:place] + shifted + data[place + 4 :])
        assert assert_random_is_in_order(path) == COUNT - frames
        with indexed(path) as store:
            assert (store.count, store.count_is_exact) == (COUNT - frames, True)
            assert number_of(store.frame(0).image) == frames


def test_gaps_in_time_stamps_are_gaps_in_numbers(tmp_path):
    path = encode_ramp(tmp_path / "a.mkv", options=SHORT, times=GAP)
    assert assert_random_is_in_order(path, reading=SKIP) == COUNT
    with indexed(path, reading=SKIP) as store:
        assert store.count == COUNT + 3
        assert number_of(store.frame(13).image) == 10
        with pytest.raises(InputError, match="frame 11 is missing"):
            store.frame(11)
    assert assert_random_is_in_order(path) == 10
    with indexed(path) as store, pytest.raises(InputError, match=r"frame 13 cannot .*10 on"):
        store.frame(13)


@pytest.mark.parametrize(
    ("kind", "name", "number"),
    [
        ("one group", "a.mp4", 9), ("short groups", "a.mp4", 11), ("VP9", "a.webm", 8),
        ("Motion JPEG", "a.avi", 8),
    ],
)  # fmt: skip
def test_a_damaged_frame_and_those_behind_it_are_refused(tmp_path, kind, name, number):
    path = damage(made(tmp_path, kind), number, 12 if name != "a.avi" else 400)
    first = len(in_order(path))
    assert 0 < first < COUNT
    assert assert_random_is_in_order(path) == first
    changes = []
    with indexed(path) as store:
        store.on_index(lambda: changes.append(store.error))
        for index in (first, first + 1, COUNT - 1):
            with pytest.raises(InputError, match=rf"frame {index} cannot be read.*{first} on \(.+"):
                store.frame(index)
        assert f"from {first} on" in changes[-1]
        assert store.frame(first - 1).index == first - 1


def test_damaged_frames_are_left_out_where_that_is_wanted(tmp_path):
    path = damage(made(tmp_path, "Motion JPEG"), 8, 400)
    assert assert_random_is_in_order(path, reading=SKIP) == COUNT - 1
    with (
        indexed(path, reading=SKIP) as store,
        pytest.raises(InputError, match="frame 8 is damaged"),
    ):
        store.frame(8)


@pytest.mark.parametrize(
    ("name", "container"), [("a.mp4", {"movflags": "faststart"}), ("a.mkv", {})]
)
def test_a_cut_video_has_the_frames_before_the_cut(tmp_path, name, container):
    path = cut(encode_ramp(tmp_path / name, options=SHORT, container=container), 17, 0.5)
    frames = len(in_order(path))
    assert assert_random_is_in_order(path) == frames
    with indexed(path) as store:
        assert (store.count, store.error is None) == (frames, False)
        with pytest.raises(InputError, match=f"frame {frames} cannot be read"):
            store.frame(frames)
    allowed = ReadingOptions(allow_truncated=True)
    with indexed(path, reading=allowed) as store:
        assert (store.count, store.error) == (frames, None)
        with pytest.raises(InputError, match=rf"no frame {frames}; it has {frames} frames"):
            store.frame(frames)


@pytest.mark.parametrize("number", [-1, COUNT, 10**6])
@pytest.mark.parametrize("kind", ["short groups", "H.264 without time stamps"])
def test_numbers_without_a_frame(tmp_path, kind, number):
    with indexed(made(tmp_path, kind)) as store:
        with pytest.raises(InputError, match=f"no frame {number}"):
            store.frame(number)
        assert store.frame(COUNT - 1).index == COUNT - 1


def test_an_index_that_lies_is_given_up(tmp_path, monkeypatch):
    """The decoder gives other frames than the index says: all frames come in order from then on."""
    path = made(tmp_path, "short groups")
    build = video_module.build_index

    def lying(*args):
        index: FrameIndex = build(*args)
        index.stamps = np.delete(index.stamps, 12)
        return index

    monkeypatch.setattr(video_module, "build_index", lying)
    expected = in_order(path)
    with indexed(path, memory_bytes=1) as store:
        assert_same(store.frame(3), expected[3])
        assert store.count_is_exact
        assert_same(store.frame(14), expected[14])
        assert not store.count_is_exact
        for number in (20, 13, 12, 11, 23):
            assert_same(store.frame(number), expected[number])


def test_an_entry_that_cannot_be_found_is_no_wrong_frame(tmp_path, monkeypatch):
    path = made(tmp_path, "short groups")
    monkeypatch.setattr(SeekingDecoder, "_packets_from", lambda self, target: iter(()))
    assert assert_random_is_in_order(path) == COUNT


def test_scrubbing_goes_on_without_seeking(tmp_path, monkeypatch):
    starts = []
    start = SeekingDecoder._start
    monkeypatch.setattr(
        SeekingDecoder, "_start", lambda *args: (starts.append(args[1:]), start(*args))[1]
    )
    with indexed(made(tmp_path, "short groups")) as store:
        for number in (9, 10, 11, 13, 12, 11, 10, 9):  # what was passed is in memory
            store.frame(number)
        assert len(starts) == 1
        store.frame(22)
        store.frame(2)
        assert len(starts) == 3


def test_several_threads_get_their_frames(tmp_path):
    path = made(tmp_path, "open groups")
    expected = in_order(path)
    wrong = []

    def ask(seed):
        for number in np.random.default_rng(seed).permutation(COUNT):
            try:
                assert_same(store.frame(int(number)), expected[number])
            except BaseException as error:
                wrong.append(error)

    with FrameStore(path, memory_bytes=100_000) as store:
        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_what_is_kept_does_not_wait_for_decoding(tmp_path, monkeypatch):
    inside, go_on = threading.Event(), threading.Event()
    run = SeekingDecoder._run

    def slow(*args, **options):
        inside.set()
        go_on.wait(10)
        run(*args, **options)

    with indexed(made(tmp_path, "short groups")) as store:
        store.frame(3)
        monkeypatch.setattr(SeekingDecoder, "_run", slow)
        threads = [threading.Thread(target=store.frame, args=(n,)) for n in (20, 15)]
        for thread in threads:
            thread.start()
        assert inside.wait(10)
        start = time.monotonic()
        assert store.frame(3).index == 3
        assert store.jpeg(3)
        assert time.monotonic() - start < 1
        go_on.set()
        for thread in threads:
            thread.join()


def test_closing_stops_the_index_at_once(tmp_path, monkeypatch):
    build, begun = video_module.build_index, threading.Event()

    def endless(video, goes_on):
        begun.set()
        while goes_on():
            time.sleep(0.005)
        return build(video, goes_on)

    monkeypatch.setattr(video_module, "build_index", endless)
    store = FrameStore(made(tmp_path, "open groups in Matroska"))
    errors = []

    def ask():
        try:
            store.frame(20)
        except InputError as error:
            errors.append(str(error))

    waiting = threading.Thread(target=ask)
    waiting.start()
    assert begun.wait(10)
    start = time.monotonic()
    store.close()
    store.close()
    waiting.join(5)
    assert time.monotonic() - start < 1
    assert store.is_closed
    assert "closed" in errors[0]
    with pytest.raises(InputError, match="closed"):
        store.frame(0)


def test_a_file_that_is_replaced_gives_no_other_frames_under_old_numbers(tmp_path):
    path = made(tmp_path, "short groups")
    other = encode_ramp(tmp_path / "b.mp4", options=SHORT, times=TIMES)
    expected = in_order(path)
    with indexed(path, memory_bytes=1) as store:
        assert_same(store.frame(5), expected[5])
        shutil.copy(other, tmp_path / "c.mp4")
        (tmp_path / "c.mp4").replace(path)
        for number in (20, 2):
            try:
                assert number_of(store.frame(number).image) == number
            except InputError as error:
                assert re.search(rf"frame {number}", str(error))


@pytest.mark.parametrize(
    "name",
    [
        "h264_rotated90.mp4", "h264_vfr_ms.mkv", "h264_vfr_ms.mp4", "var_fps_video.mp4",
        "h265_10bits.mp4", "vp9_480x270.webm", "mjpeg_480x270.avi", "mpeg4_480x270.avi",
    ],
)  # fmt: skip
def test_clips_of_cameras(shared_data, name):
    path = shared_data / "videos" / name
    expected = in_order(path)
    with indexed(path, memory_bytes=1) as store:
        assert (store.count, store.count_is_exact) == (len(expected), True)
        for number in np.random.default_rng(0).permutation(len(expected))[:15]:
            assert_same(store.frame(int(number)), expected[number])


def test_the_rate_and_the_size_are_those_of_the_reader(tmp_path):
    path = made(tmp_path, "turned")
    with FrameStore(path, max_size=48) as store:
        assert (store.name, store.kind, store.size) == (str(path), "video", (48, 32))
        assert store.fps == 25


def test_a_file_without_a_frame(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"no video" * 100)
    with pytest.raises(InputError, match="not a video"):
        FrameStore(path)
    path = cut(encode_ramp(tmp_path / "b.ts", options=SHORT), 0, 0.1)
    with pytest.raises(InputError):
        FrameStore(path)
