"""Pictures as frames: decoding, orientation, order, and what is refused."""

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.vos.pictures.files import jpeg, packed_12, png, tiff, with_chunk
from vos.errors import InputError
from vos.video.images import is_image, list_images, read_image, shrink, source_kind


@pytest.fixture
def picture():
    """A smooth colour picture, 60x80, that every corner tells apart."""
    y, x = np.mgrid[0:60, 0:80]
    return np.stack([x * 3, y * 4, 255 - x - y], -1).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "tiff", "webp", "PNG"])
def test_lossless_pictures_come_back_exactly(tmp_path, picture, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture).save(path, **({"lossless": True} if suffix == "webp" else {}))
    image = read_image(path)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, picture)


def test_jpeg_pixels_are_those_of_opencv(shared_data):
    path = shared_data / "davis-dev/JPEGImages/480p/blackswan/00000.jpg"
    np.testing.assert_array_equal(read_image(path), cv2.imread(str(path))[..., ::-1])


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_camera_orientation_is_applied(tmp_path, picture, suffix, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    path = tmp_path / f"a.{suffix}"
    options = {"jpg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}
    Image.fromarray(picture).save(path, exif=exif, **options.get(suffix, {}))
    turns = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.swapaxes(0, 1),
        6: np.rot90(picture, -1),
        7: picture[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(picture, 1),
    }
    np.testing.assert_allclose(read_image(path), turns[orientation], atol=3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_become_eight(tmp_path, picture, suffix):
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), picture[..., ::-1].astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(path), picture)
    cv2.imwrite(str(path), picture[..., 0].astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_image(path), np.repeat(picture[..., :1], 3, 2))


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_fewer_bits_in_sixteen_become_eight(tmp_path, picture, suffix, bits):
    path = tmp_path / f"a.{suffix}"
    picture[0, 0] = 255
    levels = np.round(picture * (((1 << bits) - 1) / 255)).astype(np.uint16)
    cv2.imwrite(str(path), levels[..., ::-1])
    np.testing.assert_array_equal(read_image(path), picture)
    cv2.imwrite(str(path), levels[..., 0])
    np.testing.assert_array_equal(read_image(path), np.repeat(picture[..., :1], 3, 2))


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("meaning", [0, 1])  # the lowest level is white; or black
def test_the_lowest_level_is_white_where_a_tiff_says_so(tmp_path, bits, meaning):
    expected = np.arange(256, dtype=np.uint8).reshape(16, 16)
    levels = np.round((expected if meaning else 255 - expected) * (((1 << bits) - 1) / 255))
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(levels.astype(np.uint16), t262=meaning))
    np.testing.assert_array_equal(read_image(path)[..., 0], expected)
    path.write_bytes(tiff(levels.astype(np.float32), t262=meaning))
    np.testing.assert_allclose(read_image(path)[..., 0], expected, atol=1)
    if bits == 12:
        packed = packed_12(levels.astype(np.uint16))
        path.write_bytes(tiff(levels.astype(np.uint16), bits=12, stored=packed, t262=meaning))
        np.testing.assert_array_equal(read_image(path)[..., 0], expected)


def test_gray_with_alpha_in_16_bits_is_read(tmp_path):
    gray = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(np.stack([gray, np.full_like(gray, 65535)], -1), t277=2, t338=2))
    np.testing.assert_array_equal(read_image(path)[..., 0], gray // 257)


def test_damaged_orientations_do_no_harm(tmp_path):
    path = tmp_path / "a.png"
    levels = np.full((4, 6), 1023, np.uint16)
    path.write_bytes(with_chunk(png(levels), b"eXIf", b"II*\0\xff\xff\xff\xff"))
    assert read_image(path).shape == (4, 6, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_fewer_bits_are_turned_upright_too(tmp_path, picture, orientation):
    exif = Image.Exif()
    exif[0x112] = orientation
    gray, seen = picture[..., 0].astype(np.uint16) * 16, {}
    for suffix, levels in (("png", gray), ("png", gray * 16), ("tif", gray)):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(levels).save(path, exif=exif)
        seen[suffix, levels.max()] = read_image(path)
    whole, *others = seen.values()
    for other in others:
        assert other.shape == whole.shape
        np.testing.assert_allclose(other, whole, atol=2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_numbers_become_eight_bits(tmp_path, picture, dtype):
    path = tmp_path / "a.tif"
    gray = picture[..., 0].astype(dtype) / 255
    path.write_bytes(tiff(gray))
    np.testing.assert_array_equal(read_image(path)[..., 1], picture[..., 0])
    gray[5, 6] = np.nan
    path.write_bytes(tiff(gray))
    with pytest.raises(InputError, match=r"a\.tif: holds values that are not finite"):
        read_image(path)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "LA", "CMYK"])
def test_other_kinds_become_rgb(tmp_path, picture, mode):
    image = Image.fromarray(picture).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path)
    expected = np.array(image.convert("RGB"))
    np.testing.assert_allclose(read_image(path), expected, atol=1)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp"])
def test_cut_off_pictures_are_refused(tmp_path, picture, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(InputError, match=rf"a\.{suffix}: (cut off|not a picture)"):
        read_image(path)


def test_a_cut_off_jpeg_with_a_thumbnail_is_refused(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "thumb.jpg")
    thumb = (tmp_path / "thumb.jpg").read_bytes()
    data = (tmp_path / "thumb.jpg").read_bytes()
    segment = b"\xff\xe1" + (len(thumb) + 2).to_bytes(2, "big") + thumb
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + segment + data[2:])
    assert read_image(path).shape == (60, 80, 3)
    path.write_bytes(data[:2] + segment + data[2:-300])
    with pytest.raises(InputError, match="cut off"):
        read_image(path)


def test_damage_inside_a_jpeg_is_refused(tmp_path):
    path, data = tmp_path / "a.jpg", jpeg(quality=90)
    path.write_bytes(data[:2000] + bytes(200) + data[2200:])
    with pytest.raises(InputError, match=r"a\.jpg: damaged \(Corrupt JPEG data.*replace the file"):
        read_image(path)


def test_a_jpeg_without_the_mark_of_its_end_is_whole(tmp_path):
    path, data = tmp_path / "a.jpg", jpeg(quality=90)
    path.write_bytes(data)
    whole = read_image(path)
    path.write_bytes(data[:-2])
    np.testing.assert_array_equal(read_image(path), whole)


def test_a_film_after_a_jpeg_does_no_harm(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(quality=90) + b"film \xff\xda film")
    assert read_image(path).shape == (96, 128, 3)


def test_bytes_after_a_jpeg_do_no_harm(tmp_path, picture):
    path = tmp_path / "a.jpg"
    Image.fromarray(picture).save(path)
    path.write_bytes(path.read_bytes() + b"\0" * 100)
    assert read_image(path).shape == (60, 80, 3)


@pytest.mark.parametrize(("content", "found"), [(b"", "empty"), (b"text", "not a picture")])
def test_what_is_no_picture(tmp_path, content, found):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.png: {found}"):
        read_image(path)


def test_missing_pictures_and_folders(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_image(tmp_path / "none.png")
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path)


def test_folders_list_in_natural_order(tmp_path):
    names = ["frame10.jpg", "frame2.png", "Frame1.TIFF", "frame03.webp", "frame20.bmp"]
    for name in [*names, "notes.txt", "._frame4.jpg", "clip.mp4"]:
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    expected = ["Frame1.TIFF", "frame2.png", "frame03.webp", "frame10.jpg", "frame20.bmp"]
    assert [path.name for path in list_images(tmp_path)] == expected


def test_globs(tmp_path):
    for name in ("b/x10.jpg", "b/x9.jpg", "a/y1.png", "a/z.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in list_images(tmp_path / "*" / "*")]
    assert found == ["a/y1.png", "b/x9.jpg", "b/x10.jpg"]
    assert len(list_images(tmp_path / "**" / "*.jpg")) == 2


def test_two_pictures_of_one_name_are_refused(tmp_path):
    (tmp_path / "00001.jpg").touch()
    (tmp_path / "00001.png").touch()
    with pytest.raises(InputError, match="have the same name '00001'"):
        list_images(tmp_path)


def test_no_pictures(tmp_path):
    (tmp_path / "clip.mp4").touch()
    for source in (tmp_path, tmp_path / "*.jpg"):
        with pytest.raises(InputError, match=r"no pictures found.*\.jpg"):
            list_images(source)


def test_names_of_pictures():
    assert is_image("a/b.JPG")
    assert not is_image("a/.b.jpg")
    assert not is_image("a/b.gif")


@pytest.mark.parametrize(
    ("size", "limit", "expected"),
    [
        ((480, 854), None, (480, 854)),
        ((480, 854), 854, (480, 854)),
        ((480, 854), 427, (240, 427)),
        ((854, 480), 427, (427, 240)),
        ((2, 1000), 10, (1, 10)),
    ],
)
def test_shrink_limits_the_longer_side(size, limit, expected):
    image = np.zeros((*size, 3), np.uint8)
    assert shrink(image, limit).shape == (*expected, 3)


def test_shrink_averages():
    image = np.tile(np.array([[0, 200], [100, 100]], np.uint8)[..., None], (4, 4, 3))
    assert (shrink(image, 4) == 100).all()


def test_a_folder_named_as_a_picture_is_none(tmp_path, picture):
    (tmp_path / "b.png").mkdir()
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    assert list_images(tmp_path / "*.png") == list_images(tmp_path) == [tmp_path / "a.png"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("*.png", "glob"),
        ("0?.png", "glob"),
        ("0[12].png", "glob"),
        ("clip [1080p]", "folder"),
        ("clip [1080p]/*.png", "glob"),
        ("00.png", "image"),
        ("a[1]?.png", "image"),
        ("take [2].mp4", "video"),
    ],
)
def test_names_with_wildcards_are_patterns_unless_they_are_there(tmp_path, name, kind):
    (tmp_path / "clip [1080p]").mkdir()
    for there in ("00.png", "a[1]?.png", "take [2].mp4", "clip [1080p]/1.png"):
        (tmp_path / there).touch()
    assert source_kind(tmp_path / name) == kind


def test_addresses_and_what_is_not_there(tmp_path):
    assert source_kind("rtsp://camera/*?stream=[1]") == "stream"
    assert source_kind("camera:0") == source_kind("/dev/video0") == "camera"
    with pytest.raises(InputError, match="no such file; expected a video file"):
        source_kind(tmp_path / "none.png")


def test_patterns_in_folders_with_brackets(tmp_path):
    folder = tmp_path / "clip [1080p]" / "frames *"
    folder.mkdir(parents=True)
    (tmp_path / "clip 1").mkdir()
    names = ["00.jpg", "01.jpg", "10.jpg", "[1].jpg"]
    for name in names:
        (folder / name).touch()
        (tmp_path / "clip 1" / name).touch()
    for pattern, expected in (("*.jpg", names), ("0?.jpg", names[:2]), ("[1]0.jpg", names[2:3])):
        assert sorted(list_images(folder / pattern)) == [folder / name for name in expected]
    assert len(list_images(tmp_path / "clip [1080p]" / "**" / "*.jpg")) == 4
    assert len(list_images(tmp_path / "clip [12]" / "*.jpg")) == 4
    assert list_images(folder / "[1].jpg") == [folder / "[1].jpg"]
    assert len(list_images(folder)) == 4


def test_patterns_with_the_place_of_a_number(tmp_path):
    folder = tmp_path / "clip [1080p]"
    folder.mkdir()
    for name in ("img_00000.png", "img_00001.png", "img_100000.png", "img_7.png", "img_a.png"):
        (folder / name).touch()
    padded = ["img_00000.png", "img_00001.png", "img_100000.png"]
    assert source_kind(folder / "img_%05d.png") == "glob"
    assert [path.name for path in list_images(folder / "img_%05d.png")] == padded
    assert len(list_images(folder / "img_%d.png")) == 4
    for pattern in (folder / "img_%05d.jpg", tmp_path / "none" / "%d.png"):
        with pytest.raises(InputError, match="no pictures found"):
            list_images(pattern)
    (folder / "%d.png").touch()
    assert list_images(folder / "%d.png") == [folder / "%d.png"]
