"""Pictures as frames and as training data: depths, damage, in segment and in training."""

import io

import cv2
import numpy as np
from PIL import Image

from tests.corpus.rows import OUT, Outcome, Row, works
from tests.corpus.scene import IDS, frames_are, level, picture, png, save, segment

GRAYS = [picture(number)[..., 1] for number in range(2)]
TWO = frames_are(0, 1, tolerance=6)


def frames_of(write, suffix, options=()):
    """Return a maker of two frames; `write` gives the bytes of frame n."""

    def make(folder):
        (folder / "frames").mkdir()
        for number in range(2):
            (folder / "frames" / f"{number:05d}{suffix}").write_bytes(write(number))
        save(folder / "mask.png", IDS)
        return segment("frames", "mask.png", options=options)

    return make


def trained(make):
    """Turn a maker of frames into one for `vos-pretrain check-data`."""

    def also(folder):
        make(folder)
        return ["vos-pretrain", "check-data", "frames", "--out", OUT]

    return also


def by_pillow(array, form, **options):
    data = io.BytesIO()
    Image.fromarray(array).save(data, form, **options)
    return data.getvalue()


def depth(bits, form=".png"):
    """Return a writer of 16-bit gray files that hold values of so many bits."""

    def write(number):
        values = GRAYS[number].astype(np.float64) * ((1 << bits) - 1) / 255
        return cv2.imencode(form, values.round().astype(np.uint16))[1].tobytes()

    return write


def colour_depth(bits, form=".png"):
    def write(number):
        values = picture(number)[..., ::-1].astype(np.float64) * ((1 << bits) - 1) / 255
        return cv2.imencode(form, values.round().astype(np.uint16))[1].tobytes()

    return write


def real(scale, hole=None):
    """Return a writer of TIFF files of real numbers from 0 to `scale`."""

    def write(number):
        values = GRAYS[number].astype(np.float32) * scale / 255
        if hole is not None:
            values[40:44, 40:44] = hole
        return by_pillow(values, "TIFF")

    return write


def form(name, mode="RGB", **options):
    def write(number):
        data = io.BytesIO()
        Image.fromarray(picture(number)).convert(mode).save(data, name, **options)
        return data.getvalue()

    return write


def sheet_level_is(*numbers):
    """Check that the sheet of samples shows the strips of these frames, each 96 pixels wide."""

    def check(run):
        sheet = cv2.imread(str(run.folder / OUT / "contact_sheet.png"))
        for place, number in enumerate(numbers):
            corner = sheet[4:20, 96 * place + 4 : 96 * place + 90].mean()
            assert abs(corner - level(number)) < 8, corner

    return check


_DEPTHS = [
    (f"{what}{name}", make, outcome, fails)
    for what, wrap, good in (
        ("", lambda make: make, works(TWO)),
        ("training, ", trained, works(sheet_level_is(0, 1))),
    )
    for name, make, outcome, fails in (
        ("8 bits in 16", wrap(frames_of(depth(8), ".png")), good, False),
        ("10 bits in 16", wrap(frames_of(depth(10), ".png")), good, False),
        ("12 bits in 16", wrap(frames_of(depth(12), ".png")), good, False),
        ("16 bits", wrap(frames_of(depth(16), ".png")), good, False),
        ("16 bits of colour", wrap(frames_of(colour_depth(16), ".png")), good, False),
        ("12 bits of colour in 16", wrap(frames_of(colour_depth(12), ".png")), good, False),
        ("12 bits in 16, TIFF", wrap(frames_of(depth(12, ".tiff"), ".tiff")), good, False),
        ("16 bits, TIFF", wrap(frames_of(depth(16, ".tiff"), ".tiff")), good, False),
        ("real numbers to 1", wrap(frames_of(real(1), ".tif")), good, False),
        ("real numbers to 255", wrap(frames_of(real(255), ".tif")), good, False),
        ("real numbers, one not a number", wrap(frames_of(real(1, np.nan), ".tif")),
         Outcome((1, 2), ("00000.tif", "finite|NaN|not a number"), leaves_nothing=False),
         False),
        ("real numbers, one infinite", wrap(frames_of(real(1, np.inf), ".tif")),
         Outcome((1, 2), ("00000.tif", "finite|infinit"), leaves_nothing=False), False),
        ("palette", wrap(frames_of(form("PNG", "P"), ".png")),
         good if what else works(frames_are(0, 1, tolerance=20)), False),
        ("gray", wrap(frames_of(form("PNG", "L"), ".png")),
         good, False),
        ("CMYK JPEG", wrap(frames_of(form("JPEG", "CMYK", quality=95), ".jpg")), good, False),
        ("JPEG", wrap(frames_of(form("JPEG", quality=95), ".jpg")), good, False),
        ("WebP", wrap(frames_of(form("WEBP", lossless=True), ".webp")), good, False),
        ("bitmap", wrap(frames_of(form("BMP"), ".bmp")), good, False),
        ("AVIF", wrap(frames_of(form("AVIF", quality=95), ".avif")), good, False),
        ("jfif", wrap(frames_of(form("JPEG", quality=95), ".jfif")), good, False),
        ("upper case", wrap(frames_of(form("JPEG", quality=95), ".JPG")), good, False),
    )
]  # fmt: skip


def noisy(number):
    """Return a JPEG whose middle is noise that is no marker."""
    data = form("JPEG", quality=95)(number)
    noise = np.random.default_rng(number).integers(1, 255, 500, np.uint8).tobytes()
    return data[:3000] + noise + data[3500:]


def half(number):
    """Return a JPEG whose second half is left out, with the mark of the end."""
    data = form("JPEG", quality=95)(number)
    return data[: len(data) // 2] + b"\xff\xd9"


def gray_half(number):
    """Return a JPEG whose second half is zeros."""
    data = form("JPEG", quality=95)(number)
    return data[: len(data) // 2] + bytes(len(data) - len(data) // 2 - 2) + b"\xff\xd9"


def cut(write, share=0.6):
    return lambda number: write(number)[: int(share * len(write(number)))]


def damaged_png(number):
    data = png(number)
    return data[:2000] + bytes(64) + data[2064:]


BROKEN = Outcome((2,), ("00000",), leaves_nothing=False)
BAD_DATA = Outcome((1,), ("2 broken", "00000"))
_BROKEN = [
    row
    for name, write, suffix, fails_frames, fails_data in (
        ("JPEG with noise inside", noisy, ".jpg", False, False),
        ("JPEG, half left out", half, ".jpg", False, False),
        ("JPEG, half zeros", gray_half, ".jpg", False, False),
        ("JPEG cut off", cut(form("JPEG")), ".jpg", False, False),
        ("PNG cut off", cut(png), ".png", False, False),
        ("PNG damaged", damaged_png, ".png", False, False),
        ("WebP cut off", cut(form("WEBP", lossless=True)), ".webp", False, False),
        ("TIFF cut off", cut(form("TIFF")), ".tif", False, False),
        ("bitmap cut off", cut(form("BMP")), ".bmp", False, False),
        ("no picture", lambda _: b"<html>not found</html>", ".jpg", False, False),
    )
    for row in (
        (name, frames_of(write, suffix), BROKEN, fails_frames),
        (f"training, {name}", trained(frames_of(write, suffix)), BAD_DATA, fails_data),
    )
]


ROWS = [
    Row(name, topic, make, outcome, fails_today=fails)
    for topic, rows in (
        ("depths and forms", _DEPTHS),
        ("broken pictures", _BROKEN),
    )
    for name, make, outcome, fails in rows
]
