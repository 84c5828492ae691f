"""MP4 files in fragments of which some are missing."""

import pytest

from tests.vos.video.files import encode_ramp, number_of
from vos.errors import IncompleteSourceError
from vos.video.frame_range import ReadingOptions
from vos.video.reader import open_frames
from vos.video.sources.fragments import fragments_of

COUNT, LENGTH = 24, 6
FLAGS = {
    "random access index": "frag_keyframe+empty_moov+default_base_moof",
    "no empty index": "frag_keyframe+default_base_moof",
    "segment indexes": "frag_keyframe+empty_moov+dash",
    "one segment index": "frag_keyframe+empty_moov+default_base_moof+global_sidx",
}


def boxes(data):
    start = 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        yield data[start + 4 : start + 8], data[start : start + size]
        start += size


def fragmented(path, flags, *, without=(), index=True, options=()):
    """Write the ramp in fragments of six frames, without some of them."""
    options = {"g": str(LENGTH), **dict(options)}
    encode_ramp(path, count=COUNT, options=options, container={"movflags": flags})
    kept, number = b"", -1
    for kind, box in boxes(path.read_bytes()):
        number += kind == b"moof"
        is_left_out = number in without and kind in (b"moof", b"mdat")
        if not is_left_out and (index or kind != b"mfra"):
            kept += box
    path.write_bytes(kept)
    return path


def read(path, **options):
    """Return the indexes of the frames, whose numbers they are, and the error at the end."""
    indexes = []
    try:
        with open_frames(path, **options) as reader:
            for frame in reader:
                assert number_of(frame.image) == frame.index
                indexes.append(frame.index)
    except IncompleteSourceError as error:
        return indexes, str(error)
    return indexes, ""


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_whole_files_are_whole(tmp_path, flags, index):
    path = fragmented(tmp_path / "a.mp4", flags, index=index)
    assert read(path) == (list(range(COUNT)), "")
    with open_frames(path) as reader:
        assert (reader.count, reader.limit) == (COUNT, COUNT)


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_a_missing_fragment_inside_is_a_gap(tmp_path, flags, index):
    path = fragmented(tmp_path / "a.mp4", flags, without=[1], index=index)
    before = LENGTH if "empty_moov" in flags else 2 * LENGTH  # whose first ones are in no fragment
    after = range(before + LENGTH, COUNT)
    indexes, error = read(path)
    assert (indexes, "damaged after" in error) == (list(range(before)), True)
    with pytest.warns(UserWarning, match="6 damaged or missing frames were skipped"):
        indexes, _ = read(path, reading=ReadingOptions(skip_damaged=True))
    assert indexes == [*range(before), *after]


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_long_frames_are_no_gaps(tmp_path, flags):
    """Frames 5, 6 and 14 are shown for longer, one of them on the edge of a fragment."""
    times = [40 * (n + (n > 5) + 2 * (n > 6) + (n > 14)) for n in range(COUNT)]
    path = encode_ramp(tmp_path / "a.mp4", count=COUNT, times=times, options={"g": str(LENGTH)},
                       container={"movflags": flags})  # fmt: skip
    assert read(path) == (list(range(COUNT)), "")


@pytest.mark.parametrize("options", [{"bf": "2", "tune": "film"}, {"bf": "3"}])
def test_a_missing_fragment_of_frames_in_another_order(tmp_path, options):
    def write(**more):
        return fragmented(tmp_path / "a.mp4", FLAGS["random access index"], options=options, **more)

    assert read(write()) == (list(range(COUNT)), "")
    indexes, error = read(write(without=[2]))
    assert (indexes, "damaged after 12" in error) == (list(range(12)), True)


@pytest.mark.parametrize("name", FLAGS)
def test_missing_fragments_at_the_end(tmp_path, name):
    path = fragmented(tmp_path / "a.mp4", FLAGS[name], without=[2, 3])
    indexes, error = read(path)
    assert indexes == list(range(len(indexes)))
    assert "fragments, 2 are there" in error
    allowed = ReadingOptions(allow_truncated=True)
    with pytest.warns(UserWarning, match="cut short"):
        assert read(path, reading=allowed) == (indexes, "")


def test_an_index_in_front_lists_what_was_cut_off(tmp_path):
    path = fragmented(tmp_path / "a.mp4", FLAGS["one segment index"], without=[3], index=False)
    indexes, error = read(path)
    assert indexes == list(range(18))
    assert "about 24 frames" in error


def test_what_boxes_say(tmp_path):
    path = fragmented(tmp_path / "a.mp4", FLAGS["one segment index"])
    found = fragments_of(path)
    assert (found.count, found.listed, found.seconds) == (4, 4, None)
    path = fragmented(tmp_path / "a.mp4", FLAGS["one segment index"], without=[1, 2], index=False)
    found = fragments_of(path)
    assert (found.count, found.listed, found.seconds) == (2, 0, pytest.approx(0.96))


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 64, b"\0\0\0\x08ftyp", b"\0\0\0\x01ftyp" + bytes(8)]
)
def test_files_of_other_kinds(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    assert fragments_of(tmp_path / "a.mp4") is None
    assert fragments_of(encode_ramp(tmp_path / "b.mp4", count=2)) is None
    assert fragments_of(encode_ramp(tmp_path / "b.mkv", count=2)) is None
