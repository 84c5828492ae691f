"""Every colour form comes out right; what is broken is said to be."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from pretrain.sources.decode import BrokenImageError, decode, read_header
from tests.vos.pictures.files import photo

RED, BLUE = (200, 30, 40), (20, 60, 210)


def halves(height=40, width=60):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = RED
    picture[:, width // 2 :] = BLUE
    return Image.fromarray(picture)


def encoded(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def decoded(data, reduction=1):
    return decode(data, read_header(data), reduction)


def assert_halves(image, tolerance=6):
    left = image[:, : image.shape[1] // 2 - 4].reshape(-1, 3).mean(0)
    right = image[:, image.shape[1] // 2 + 4 :].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(left, RED, atol=tolerance)
    np.testing.assert_allclose(right, BLUE, atol=tolerance)


FORMS = {
    "jpeg": lambda: encoded(halves(), "JPEG", quality=95),
    "progressive": lambda: encoded(halves(), "JPEG", quality=95, progressive=True),
    "png": lambda: encoded(halves(), "PNG"),
    "palette": lambda: encoded(halves().quantize(16), "PNG"),
    "gif": lambda: encoded(halves().quantize(16), "GIF"),
    "alpha": lambda: encoded(halves().convert("RGBA"), "PNG"),
    "webp": lambda: encoded(halves(), "WEBP", lossless=True),
    "bmp": lambda: encoded(halves(), "BMP"),
    "tiff": lambda: encoded(halves(), "TIFF"),
    "cmyk-tiff": lambda: encoded(halves().convert("CMYK"), "TIFF"),
}


@pytest.mark.parametrize("name", FORMS)
def test_colours_come_out_right(name):
    image, reduction = decoded(FORMS[name]())
    assert image.dtype == np.uint8 and image.shape == (40, 60, 3) and reduction == 1
    assert_halves(image)


def test_cmyk_jpeg():
    image, _ = decoded(encoded(halves().convert("CMYK"), "JPEG", quality=95))
    assert_halves(image)


def test_grey_jpeg_has_three_equal_channels():
    image, _ = decoded(encoded(halves().convert("L"), "JPEG"))
    assert image.shape == (40, 60, 3)
    assert np.array_equal(image[..., 0], image[..., 2])


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bits_are_scaled_not_cut(form):
    levels = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    image, _ = decoded(encoded(Image.fromarray(levels), form))
    np.testing.assert_allclose(image[..., 0], np.arange(256).reshape(16, 16), atol=1)


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("form", [".png", ".tiff"])
def test_fewer_bits_in_16_are_scaled(bits, channels, form):
    eight = np.dstack([np.arange(256).reshape(16, 16)] * channels)
    eight[..., 1:2] //= 2
    eight[..., 3:] = 255
    levels = np.round(eight * (((1 << bits) - 1) / 255)).astype(np.uint16)
    image, _ = decoded(cv2.imencode(form, levels)[1].tobytes())
    expected = eight[..., 2::-1] if channels > 1 else np.repeat(eight, 3, 2)
    np.testing.assert_array_equal(image, expected)


def test_float_levels_from_0_to_1():
    levels = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    image, _ = decoded(encoded(Image.fromarray(levels), "TIFF"))
    np.testing.assert_allclose(image[..., 1], np.arange(256).reshape(16, 16), atol=1)


def test_what_is_transparent_is_white():
    layer = halves().convert("RGBA")
    layer.putalpha(0)
    image, _ = decoded(encoded(layer, "PNG"))
    assert (image == 255).all()


def test_a_transparent_palette_entry_is_white():
    picture = halves().quantize(4)
    picture.info["transparency"] = picture.getpixel((0, 0))
    image, _ = decoded(encoded(picture, "PNG", transparency=picture.getpixel((0, 0))))
    assert (image[0, 0] == 255).all()


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_turns_are_made(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    data = encoded(halves(), "JPEG", quality=95, exif=exif)
    header = read_header(data)
    image, _ = decode(data, header)
    assert image.shape[:2] == (header.height, header.width)
    assert image.shape[:2] == ((60, 40) if turn >= 5 else (40, 60))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.abs(image.astype(float) - expected).mean() < 2


@pytest.mark.parametrize("reduction", [2, 4, 8])
def test_a_jpeg_is_decoded_smaller(reduction):
    image, made = decoded(encoded(halves(80, 160), "JPEG", quality=95), reduction)
    assert made == reduction and image.shape == (80 // reduction, 160 // reduction, 3)


def test_other_formats_are_decoded_whole():
    image, made = decoded(encoded(halves(), "PNG"), 4)
    assert made == 1 and image.shape == (40, 60, 3)


def inside(data, content):
    return data[:900] + content + data[900 + len(content) :]


def test_a_jpeg_without_the_mark_of_its_end_is_read():
    data = encoded(halves(), "JPEG", quality=95)
    np.testing.assert_array_equal(decoded(data[:-2])[0], decoded(data)[0])


NOISE = np.random.default_rng(3).integers(0, 255, 200, np.uint8).tobytes()
PHOTO = Image.fromarray(photo())
BROKEN = {
    "noise in a jpeg": inside(encoded(PHOTO, "JPEG"), NOISE),
    "zeros in a jpeg": inside(encoded(PHOTO, "JPEG", progressive=True), bytes(200)),
    "half a jpeg": encoded(PHOTO, "JPEG")[:1500] + b"\xff\xd9",
    "empty": b"",
    "text": b"this is no image",
    "cut jpeg": encoded(halves(200, 300), "JPEG")[:900],
    "cut png": encoded(halves(200, 300), "PNG")[:120],
    "header alone": encoded(halves(), "JPEG")[:30],
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_bytes_are_refused(name):
    with pytest.raises(BrokenImageError):
        decoded(BROKEN[name])


def test_a_parser_that_trips_is_a_broken_image(monkeypatch):
    def trip(*_):
        raise struct.error("required argument is not an integer")

    data = encoded(halves(), "PNG")
    monkeypatch.setattr(Image.Image, "getexif", trip)
    with pytest.raises(BrokenImageError, match="not an integer"):
        decoded(data)
    monkeypatch.setattr(Image, "open", trip)
    with pytest.raises(BrokenImageError, match="not an integer"):
        read_header(data)


@pytest.mark.parametrize("name", FORMS)
def test_damaged_bytes_are_an_image_or_refused(name):
    random = np.random.default_rng(0)
    whole = np.frombuffer(FORMS[name](), np.uint8)
    for _ in range(60):
        damaged = whole.copy()
        places = random.integers(min(len(whole), 300), size=random.integers(1, 20))
        damaged[places] = random.integers(256, size=len(places))
        try:
            image, _ = decoded(damaged.tobytes())
        except BrokenImageError:
            continue
        assert image.dtype == np.uint8 and image.shape[2] == 3


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_broken(value):
    levels = np.full((8, 8), 0.5, np.float32)
    levels[3, 4] = value
    with pytest.raises(BrokenImageError, match="not finite"):
        decoded(encoded(Image.fromarray(levels), "TIFF"))
