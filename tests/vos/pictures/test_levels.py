"""Which level is white in files of more than 8 bits, alone and in a sequence."""

import struct
import warnings

import numpy as np
import pytest

from tests.vos.pictures.files import packed_12, png, tiff, with_chunk
from vos.pictures.levels import (
    FULL,
    DeepForm,
    SequenceLevels,
    deep_form,
    read_levels,
    to_8_bits,
    white_of,
)

EIGHT = np.arange(256, dtype=np.uint16).reshape(16, 16)


def of_depth(bits):
    return np.round(EIGHT * (((1 << bits) - 1) / 255)).astype(np.uint16)


def white(data):
    form = deep_form(data)
    return white_of(read_levels(data, form), form)


@pytest.mark.parametrize("write", [png, tiff])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_highest_level_tells_the_depth(write, bits):
    data = write(of_depth(bits))
    assert white(data) == (1 << bits) - 1
    levels = to_8_bits(read_levels(data, deep_form(data)), white(data))
    np.testing.assert_array_equal(levels, EIGHT)


@pytest.mark.parametrize(
    ("levels", "significant", "expected"),
    [
        (of_depth(12) // 8, 12, 4095),  # low bits; 10 would be enough
        (of_depth(12), 8, 4095),  # more than it says
        (of_depth(12) << 4, 12, FULL),  # as the standard has it
        (EIGHT // 32 << 4, 12, FULL),
        (EIGHT, 16, FULL),
        (EIGHT // 16 * 257, None, FULL),
        (EIGHT // 16 * 256, None, 4095),
    ],
)
def test_a_png_says_its_significant_bits(levels, significant, expected):
    data = png(levels.astype(np.uint16))
    if significant:
        data = with_chunk(data, b"sBIT", bytes([significant]))
    assert deep_form(data).significant == significant
    assert white(data) == expected


def test_a_tiff_says_its_highest_level():
    assert white(tiff(EIGHT, t281=1023)) == 1023
    assert white(tiff(EIGHT, t281=FULL)) == FULL
    assert white(tiff(of_depth(12), t281=255)) == 4095


def test_samples_packed_in_12_bits():
    levels = of_depth(12) // 4
    data = tiff(levels, bits=12, stored=packed_12(levels))
    form = deep_form(data)
    np.testing.assert_array_equal(read_levels(data, form), levels)
    assert white(data) == 4095


@pytest.mark.parametrize(
    ("dtype", "highest", "expected"),
    [
        (np.float32, 1.0, 1.0),
        (np.float32, 1.02, 1.0),
        (np.float64, 1.0, 1.0),
        (np.float32, 255.0, 255.0),
        (np.float32, 60000.0, 60000.0),
        (np.int32, 255, 255),
        (np.int32, 4095, 4095),
        (np.uint32, 1 << 20, 1 << 20),
        (np.int16, 1023, 1023),
    ],
)
def test_real_and_long_numbers(dtype, highest, expected):
    levels = (EIGHT / 255 * highest).astype(dtype)
    assert white(tiff(levels)) == pytest.approx(expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value):
    levels = EIGHT.astype(np.float32)
    levels[3, 4] = value
    assert white_of(levels, DeepForm(32, is_real=True)) == 255
    with pytest.raises(ValueError, match="not finite"):
        to_8_bits(levels, 255)


@pytest.mark.parametrize("mode", ["gray and alpha", "CIELab"])
def test_forms_that_the_decoder_gives_in_8_bits(mode):
    levels = np.stack([of_depth(12)] * (2 if mode == "gray and alpha" else 3), -1)
    tags = {"t277": 2, "t338": 2} if mode == "gray and alpha" else {"t277": 3, "t262": 8}
    data = tiff(levels, **tags)
    assert deep_form(data) == DeepForm(16)
    assert read_levels(data, deep_form(data)) is None


@pytest.mark.parametrize("start", [b"II", b"MM"])
def test_tiff_files_above_4_gib_have_a_form_in_both_byte_orders(start):
    order = "<" if start == b"II" else ">"
    fields = [(256, 16), (257, 16), (258, 16), (259, 1), (262, 1), (277, 1), (278, 16)]
    table = b"".join(struct.pack(f"{order}HHQHxxxxxx", tag, 3, 1, value) for tag, value in fields)
    places = [(273, 16), (279, 512)]
    table += b"".join(struct.pack(f"{order}HHQQ", tag, 16, 1, value) for tag, value in places)
    head = start + struct.pack(f"{order}HHHQ", 43, 8, 0, 16 + 512)
    content = of_depth(12).astype(f"{order}u2").tobytes()
    data = head + content + struct.pack(f"{order}Q", len(fields) + 2) + table + bytes(8)
    assert deep_form(data) == DeepForm(16)
    np.testing.assert_array_equal(read_levels(data, deep_form(data)), of_depth(12))


def test_alpha_is_no_level():
    colours = np.dstack([of_depth(12)] * 3 + [np.full_like(EIGHT, FULL)])
    assert white(png(colours)) == 4095


def test_ordinary_files_have_no_deep_form():
    gray = EIGHT.astype(np.uint8)
    assert deep_form(png(gray)) is None
    assert deep_form(tiff(gray)) is None
    for data in (b"", b"II*\0", b"MM\0*\xff\xff\xff\xff", tiff(EIGHT)[:300], b"\xff\xd8 and so on"):
        assert deep_form(data) is None


def write_sequence(folder, *frames):
    paths = [folder / f"{number}.png" for number in range(len(frames))]
    for path, levels in zip(paths, frames, strict=True):
        path.write_bytes(png(levels))
    return paths


def test_a_sequence_has_one_white(tmp_path):
    form = DeepForm(16)
    dark, bright = of_depth(12) // 32, of_depth(12)
    paths = write_sequence(tmp_path, dark, EIGHT.astype(np.uint8), bright)
    with pytest.warns(UserWarning, match=r"levels end at 4,095 are read as 12 bits"):
        assert SequenceLevels.of_files(paths).white(form) == 4095
    with pytest.warns(UserWarning, match="8 bits"):
        assert SequenceLevels.of_files(paths[:1]).white(form) == 255


def test_a_sequence_of_16_bits_is_read_up_to_its_first_bright_frame(tmp_path):
    def pictures():
        yield png(EIGHT * 0)
        yield png(of_depth(16))
        raise AssertionError("read on")

    paths = write_sequence(tmp_path, EIGHT * 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SequenceLevels("a", pictures).white(DeepForm(16)) == FULL
        assert SequenceLevels.of_files(paths).white(DeepForm(16)) == FULL


def test_a_sequence_of_more_than_16_bits_is_read_to_its_end():
    frames = [tiff(EIGHT.astype(np.uint32) * scale) for scale in (200, 20000)]
    levels = SequenceLevels("a", lambda: frames)
    assert levels.white(deep_form(frames[0])) == 255 * 20000


def test_unreadable_files_are_left_to_their_turn(tmp_path):
    paths = write_sequence(tmp_path, of_depth(10), of_depth(12))
    paths[1].write_bytes(paths[1].read_bytes()[:90])
    levels = SequenceLevels.of_files([tmp_path / "none.png", *paths])
    with pytest.warns(UserWarning, match="10 bits"):
        assert levels.white(DeepForm(16)) == 1023
    assert levels.white(DeepForm(12)) == 4095
