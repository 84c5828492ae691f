"""Masks in and out: palette, strict and lenient reading, channels, sizes."""

import shutil

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tests.data.areas import MASKS, few
from vos.errors import InputError
from vos.masks.ids import VOID, object_ids
from vos.masks.io import read_index_png, read_mask, write_mask
from vos.masks.palette import DAVIS_PALETTE


@st.composite
def areas(draw, largest=254):
    """A map of any ids in which every id covers 3x3 squares, as real objects do."""
    size = draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    ids = draw(st.lists(st.integers(1, largest), min_size=1, max_size=20, unique=True))
    coarse = draw(hnp.arrays(np.uint8, size, elements=st.sampled_from([0, *ids])))
    coarse[0, 0] = ids[0]
    return np.kron(coarse, np.ones((3, 3), np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("masks")


@few
@given(MASKS)
def test_written_masks_come_back_through_both_readers(folder, ids):
    path = folder / "mask.png"
    write_mask(path, ids)
    np.testing.assert_array_equal(read_index_png(path), ids)
    with Image.open(path) as image:
        assert image.mode == "P"
        assert image.getpalette("RGB") == DAVIS_PALETTE.ravel().tolist()
    if object_ids(ids):
        loaded = read_mask(path)
        assert loaded.form == "indexed"
        assert loaded.mapping == {}
        np.testing.assert_array_equal(loaded.ids, ids)


@few
@given(MASKS)
def test_npy_round_trip(folder, ids):
    ids[ids == VOID] = 0  # an area of 255 is refused
    ids.flat[0] = 17
    np.save(folder / "mask.npy", ids)
    loaded = read_mask(folder / "mask.npy")
    assert loaded.form == "npy"
    np.testing.assert_array_equal(loaded.ids, ids)


@few
@given(areas())
def test_gray_round_trip(folder, ids):
    for suffix in (".png", ".tif", ".bmp"):
        Image.fromarray(ids).save(folder / f"gray{suffix}")
        loaded = read_mask(folder / f"gray{suffix}")
        assert loaded.form == "gray"
        np.testing.assert_array_equal(loaded.ids, ids)
    np.testing.assert_array_equal(read_index_png(folder / "gray.png"), ids)


@few
@given(areas())
def test_sixteen_bit_gray_holds_ids_too(folder, ids):
    Image.fromarray(ids.astype(np.uint16)).save(folder / "gray16.png")
    np.testing.assert_array_equal(read_mask(folder / "gray16.png").ids, ids)


@few
@given(areas())
def test_palette_colours_round_trip(folder, ids):
    Image.fromarray(DAVIS_PALETTE[ids]).save(folder / "rgb.png")
    loaded = read_mask(folder / "rgb.png")
    np.testing.assert_array_equal(loaded.ids, ids)
    expected = {i: tuple(DAVIS_PALETTE[i].tolist()) for i in object_ids(ids)}
    assert loaded.mapping == expected


@few
@given(areas(), st.integers(0, 2**32 - 1))
def test_any_colours_round_trip_through_the_mapping(folder, ids, seed):
    rng = np.random.default_rng(seed)
    colours = np.stack([rng.permutation(256) | 1, rng.permutation(256) & 254, np.arange(256)], -1)
    colours[0] = 0  # no other colour is gray or of the DAVIS palette
    picture = colours.astype(np.uint8)[ids]
    Image.fromarray(picture).save(folder / "own.png")
    loaded = read_mask(folder / "own.png")
    assert loaded.form == "colours"
    back = np.zeros_like(picture)
    for object_id, colour in loaded.mapping.items():
        back[loaded.ids == object_id] = colour
    np.testing.assert_array_equal(back, picture)
    assert tuple(loaded.mapping) == object_ids(loaded.ids)
    assert max(loaded.mapping) == len(object_ids(ids))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_small_bit_depths_keep_their_values(tmp_path, bits):
    highest = (1 << bits) - 1
    ids = np.kron(np.array([[0, highest], [1, 0]], np.uint8), np.ones((4, 4), np.uint8))
    path = tmp_path / "gray.png"
    write_gray_png(path, ids, bits)
    np.testing.assert_array_equal(read_index_png(path), ids)
    np.testing.assert_array_equal(read_mask(path).ids, ids)


def write_gray_png(path, ids, bits):
    """Pack a gray PNG of 1, 2 or 4 bits by hand; Pillow writes none."""
    import struct
    import zlib

    per_byte = 8 // bits
    rows = ids.reshape(ids.shape[0], -1, per_byte).astype(int)
    packed = sum(rows[..., i] << (8 - bits * (i + 1)) for i in range(per_byte))
    data = b"".join(b"\0" + bytes(row.tolist()) for row in packed)

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", ids.shape[1], ids.shape[0], bits, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda p: Image.new("RGB", (4, 4)).save(p), "mode RGB"),
        (lambda p: Image.fromarray(np.zeros((4, 4), np.uint16)).save(p), "mode I;16"),
        (lambda p: Image.new("L", (4, 4)).save(p, format="BMP"), "not a PNG"),
        (lambda p: p.write_text("hello"), "not a readable image"),
        (lambda p: p.write_bytes(b""), "not a readable image"),
        (lambda p: None, "no such mask file"),
    ],
)
def test_strict_reader_refuses(tmp_path, make, found):
    path = tmp_path / "mask.png"
    make(path)
    with pytest.raises(InputError, match=rf"mask\.png: .*{found}"):
        read_index_png(path)


def test_truncated_mask_is_refused(tmp_path, three):
    write_mask(tmp_path / "whole.png", three)
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2 + 400])
    for read in (read_index_png, read_mask):
        with pytest.raises(InputError, match="not a readable image"):
            read(tmp_path / "cut.png")


@pytest.mark.parametrize("error", [TypeError, MemoryError, KeyError, OverflowError])
def test_whatever_a_decoder_trips_over_is_a_damaged_mask(tmp_path, three, monkeypatch, error):
    write_mask(tmp_path / "m.png", three)

    def trip(*_):
        raise error("no integer")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", trip)
    with pytest.raises(InputError, match=r"m\.png: not a readable image"):
        read_mask(tmp_path / "m.png")


def test_write_mask_refuses_other_arrays(tmp_path):
    for bad in (
        np.zeros((4, 4), np.int64),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
    ):
        with pytest.raises(ValueError, match="expected a mask"):
            write_mask(tmp_path / "bad.png", bad)
    assert list(tmp_path.iterdir()) == []


def test_black_and_white_is_object_one(tmp_path, three):
    white = (three > 0).astype(np.uint8) * 255
    for name, image in (
        ("gray.png", Image.fromarray(white)),
        ("rgb.png", Image.fromarray(white).convert("RGB")),
        ("rgba.png", Image.fromarray(white).convert("RGBA")),
        ("palette.png", Image.fromarray(white).convert("P")),
        ("one_bit.png", Image.fromarray(white).convert("1")),
    ):
        image.save(tmp_path / name)
        loaded = read_mask(tmp_path / name)
        assert loaded.form == "black-and-white", name
        assert loaded.mapping == {1: 255}
        np.testing.assert_array_equal(loaded.ids, three > 0)


def test_sixteen_bit_black_and_white(tmp_path, three):
    Image.fromarray((three > 0).astype(np.uint16) * 65535).save(tmp_path / "m.png")
    loaded = read_mask(tmp_path / "m.png")
    assert loaded.mapping == {1: 65535}
    np.testing.assert_array_equal(loaded.ids, three > 0)


def test_transparent_pixels_are_background(tmp_path, three):
    rgba = np.dstack([np.full((*three.shape, 3), (200, 30, 90), np.uint8), (three == 2) * 255])
    Image.fromarray(rgba.astype(np.uint8)).save(tmp_path / "m.png")
    loaded = read_mask(tmp_path / "m.png")
    assert loaded.mapping == {1: (200, 30, 90)}
    np.testing.assert_array_equal(loaded.ids, three == 2)


def test_known_colours_keep_their_ids(tmp_path, three):
    colours = np.array([(0, 0, 0), (250, 10, 10), (10, 250, 10), (10, 10, 250)], np.uint8)
    Image.fromarray(colours[np.where(three == 3, 0, three)]).save(tmp_path / "a.png")
    Image.fromarray(colours[np.where(three == 1, 0, three)]).save(tmp_path / "b.png")
    first = read_mask(tmp_path / "a.png")
    assert first.mapping == {1: (10, 250, 10), 2: (250, 10, 10)}
    second = read_mask(tmp_path / "b.png", known=first.mapping)
    assert second.mapping == {1: (10, 250, 10), 3: (10, 10, 250)}


def test_new_palette_colours_do_not_take_known_ids(tmp_path):
    ids = np.kron(np.array([[0, 1], [2, 3]], np.uint8), np.ones((3, 3), np.uint8))
    Image.fromarray(DAVIS_PALETTE[ids]).save(tmp_path / "m.png")
    mapping = read_mask(tmp_path / "m.png", known={1: 255, 3: (9, 9, 8)}).mapping
    assert set(mapping).isdisjoint({1, 3})
    assert len(mapping) == 3


@pytest.mark.parametrize("value", [256, 1000, -1])
def test_ids_out_of_range_are_refused(tmp_path, value):
    ids = np.zeros((6, 6), np.int32)
    ids[:3, :3] = value
    np.save(tmp_path / "m.npy", ids)
    with pytest.raises(InputError, match=rf"holds the value {value}; object ids are 1 to 254"):
        read_mask(tmp_path / "m.npy")
    if value > 0:
        Image.fromarray(ids.astype(np.uint16)).save(tmp_path / "m.png")
        with pytest.raises(InputError, match=str(value)):
            read_mask(tmp_path / "m.png")


def test_void_is_kept_in_id_maps(tmp_path):
    ids = np.kron(np.array([[0, 5], [255, 0]], np.uint8), np.ones((3, 3), np.uint8))
    Image.fromarray(ids).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png").ids, ids)


@pytest.mark.parametrize("form", ["indexed", "gray", "rgb", "npy", "void"])
def test_empty_masks_are_refused(tmp_path, form):
    empty = np.full((8, 8), 255 if form == "void" else 0, np.uint8)
    path = tmp_path / ("m.npy" if form in ("npy", "void") else "m.png")
    if path.suffix == ".npy":
        np.save(path, empty)
    elif form == "indexed":
        write_mask(path, empty)
    else:
        Image.fromarray(empty).convert("L" if form == "gray" else "RGB").save(path)
    with pytest.raises(InputError, match="an empty mask"):
        read_mask(path)


def test_more_colours_than_ids_are_refused(tmp_path):
    colours = np.random.default_rng(0).integers(1, 255, (16, 17, 3)).astype(np.uint8)
    Image.fromarray(np.kron(colours, np.ones((3, 3, 1), np.uint8))).save(tmp_path / "m.png")
    with pytest.raises(InputError, match=r"ids above 254: it has 27\d colours"):
        read_mask(tmp_path / "m.png")


@pytest.mark.parametrize("scale", [2, 4])
def test_anti_aliased_black_and_white_needs_snapping(tmp_path, three, scale):
    large = (three > 0).astype(np.uint8) * 255
    small = cv2.resize(large, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
    Image.fromarray(small).save(tmp_path / "m.png")
    values = len(np.unique(small))
    with pytest.raises(InputError, match=rf"has {values} different values.*--snap-mask"):
        read_mask(tmp_path / "m.png")
    loaded = read_mask(tmp_path / "m.png", snap=True)
    assert loaded.form == "black-and-white"
    np.testing.assert_array_equal(loaded.ids, small > 127)


def test_sixteen_bit_anti_aliased_snaps(tmp_path, three):
    soft = cv2.GaussianBlur((three > 0).astype(np.uint8) * 255, (5, 5), 1).astype(np.uint16) * 257
    Image.fromarray(soft).save(tmp_path / "m.png")
    with pytest.raises(InputError, match="different values"):
        read_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", snap=True).ids, soft > 127 * 257)


@pytest.mark.parametrize("quality", [60, 85, 95])
def test_jpeg_masks_need_snapping(tmp_path, three, quality):
    Image.fromarray((three > 0).astype(np.uint8) * 255).save(tmp_path / "bw.jpg", quality=quality)
    Image.fromarray(DAVIS_PALETTE[three]).save(tmp_path / "rgb.jpg", quality=quality)
    for name, truth in (("bw.jpg", (three > 0).astype(np.uint8)), ("rgb.jpg", three)):
        with pytest.raises(InputError, match="anti-aliased or was saved as JPEG"):
            read_mask(tmp_path / name)
        loaded = read_mask(tmp_path / name, snap=True)
        assert object_ids(loaded.ids) == object_ids(truth)
        assert (loaded.ids == truth).mean() > 0.99


def test_quantised_anti_aliased_palette_is_refused_and_snaps(tmp_path, three):
    colours = np.array([(0, 0, 0), (250, 40, 10), (10, 220, 10), (30, 10, 250)], np.uint8)[three]
    soft = cv2.GaussianBlur(colours, (5, 5), 1.2)
    Image.fromarray(soft).quantize(64).save(tmp_path / "m.png")
    with pytest.raises(InputError, match="different values"):
        read_mask(tmp_path / "m.png")
    assert object_ids(read_mask(tmp_path / "m.png", snap=True).ids) == (1, 2, 3)


def test_indexed_with_background_elsewhere_is_read_by_colour(tmp_path, three):
    image = Image.fromarray((three == 0).astype(np.uint8))
    image.putpalette([10, 200, 30, 0, 0, 0])
    image.save(tmp_path / "m.png")
    loaded = read_mask(tmp_path / "m.png")
    assert loaded.mapping == {1: (10, 200, 30)}
    np.testing.assert_array_equal(loaded.ids, three > 0)


def test_own_palette_with_plain_indexes_is_read_by_index(tmp_path, three):
    image = Image.fromarray(three)
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png").ids, three)


def test_a_few_thin_objects_are_no_stray_values(tmp_path, three):
    three[5, :] = 77
    three[:, 3] = 90
    Image.fromarray(three).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png").ids, three)


def test_a_photograph_is_refused(tmp_path, shared_data):
    source = shared_data / "davis-dev/JPEGImages/480p/blackswan/00000.jpg"
    shutil.copy(source, tmp_path / "m.jpg")
    Image.open(source).convert("L").save(tmp_path / "gray.png")
    for name in ("m.jpg", "gray.png"):
        with pytest.raises(InputError, match="different values"):
            read_mask(tmp_path / name)


def test_nothing_to_snap_to(tmp_path):
    checkers = (np.indices((12, 12)).sum(axis=0) % 2 * 200 + 20).astype(np.uint8)
    Image.fromarray(checkers).save(tmp_path / "m.png")
    with pytest.raises(InputError, match="nothing to snap to"):
        read_mask(tmp_path / "m.png", snap=True)


@pytest.mark.parametrize(
    ("array", "found"),
    [
        (np.zeros((2, 4, 4), np.uint8), r"\(2, 4, 4\)"),
        (np.zeros((4, 4), np.float32), "float32"),
        (np.zeros((0, 4), np.uint8), r"\(0, 4\)"),
    ],
)
def test_other_arrays_are_refused(tmp_path, array, found):
    np.save(tmp_path / "m.npy", array)
    with pytest.raises(InputError, match=found):
        read_mask(tmp_path / "m.npy")


def test_bool_arrays_are_object_one(tmp_path, three):
    np.save(tmp_path / "m.npy", three > 0)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.npy").ids, three > 0)


def test_bad_npy_files(tmp_path):
    path = tmp_path / "m.npy"
    for content in (b"", b"junk", b"\x93NUMPY\x01\x00"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"not a readable \.npy"):
            read_mask(path)
    with path.open("wb") as handle:
        np.savez(handle, a=np.zeros(3))
    with pytest.raises(InputError, match="an archive of arrays"):
        read_mask(path)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"not a readable \.npy"):
        read_mask(path)


def test_missing_and_real_number_masks(tmp_path):
    with pytest.raises(InputError, match="no such mask file"):
        read_mask(tmp_path / "none.png")
    Image.fromarray(np.ones((4, 4), np.float32)).save(tmp_path / "m.tif")
    with pytest.raises(InputError, match="real numbers"):
        read_mask(tmp_path / "m.tif")
