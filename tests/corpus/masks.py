"""Masks whose values are ids, gray levels, or noise: what they mean, and what is refused."""

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image

from tests.corpus.rows import Row, refused, works, works_or_refused
from tests.corpus.scene import (
    HEIGHT,
    IDS,
    ONE,
    WHITE,
    WIDTH,
    coloured,
    first_mask_is,
    first_mask_overlaps,
    objects_are,
    picture,
    regions_are,
    save,
    segment,
    write_frames,
)


def cartoon(mask=None):
    """Return a maker of frames with even colours; the mask is one of them, or another one."""

    def make(folder):
        frame = coloured(IDS, ((90, 180, 230), (220, 30, 40), (250, 220, 30)))
        for number in range(2):
            save(folder / "frames" / f"{number:05d}.png", frame)
        save(folder / "mask.png", frame if mask is None else mask)
        return segment("frames", "mask.png")

    return make


def with_mask(array, name="mask.png", options=(), **save_options):
    """Return a maker of two frames and a mask, written by Pillow or as an array."""

    def make(folder):
        write_frames(folder / "frames")
        if isinstance(array, bytes):
            (folder / name).write_bytes(array)
        elif name.endswith(".npy"):
            np.save(folder / name, array)
        else:
            save(folder / name, array, **save_options)
        return segment("frames", name, options=options)

    return make


def grays(*levels):
    """Return the two squares (and a third, where three levels are given) at gray levels."""
    image = np.zeros_like(IDS)
    for number, value in enumerate(levels[:2], 1):
        image[number == IDS] = value
    if len(levels) == 3:
        image[46:62, 4:28] = levels[2]
    return image


def few_bits(values, bits):
    """Return the bytes of a gray PNG of 1, 2 or 4 bits a pixel."""
    data = io.BytesIO()
    image = Image.fromarray(values)
    image.putpalette(bytes(v for i in range(1 << bits) for v in (i, i, i)))
    image.save(data, "PNG", bits=bits)
    return _as_gray_png(data.getvalue())


def _as_gray_png(data):
    """Make an indexed PNG a gray one: colour type 0, no palette."""
    out, at = [data[:8]], 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size
        if kind == b"PLTE":
            continue
        if kind == b"IHDR":
            body = body[:9] + b"\0" + body[10:]
        out.append(struct.pack(">I", size) + kind + body)
        out.append(struct.pack(">I", zlib.crc32(kind + body)))
    return b"".join(out)


def stored(array):
    """Return the bytes of a .npy file."""
    data = io.BytesIO()
    np.save(data, array)
    return data.getvalue()


def broken_header():
    """Return a .npy file whose header ends within its brackets."""
    return stored(IDS).replace(b"), }", b"), u", 1)


def jpeg(array, quality=90):
    data = io.BytesIO()
    Image.fromarray(array).save(data, "JPEG", quality=quality)
    return data.getvalue()


def enlarged(ids, interpolation, factor=2):
    """Resize ids down and up again, with values between ids along every border."""
    small = cv2.resize(ids, (WIDTH // factor, HEIGHT // factor), interpolation=interpolation)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=interpolation)


def voc_border():
    """Return ids with the white border of PASCAL VOC, two pixels wide."""
    square = np.ones((5, 5), np.uint8)
    border = cv2.dilate(IDS, square) != cv2.erode(IDS, square)
    return np.where(border, np.uint8(255), IDS)


TOUCHING = IDS.copy()
TOUCHING[20:44, 36:60] = 3
SIXTEEN = IDS.astype(np.uint16)
_GRAY = [
    ("ids 1 and 2", with_mask(IDS), works(first_mask_is(IDS)), False),
    ("ids 7 and 200", with_mask(grays(7, 200)), works(first_mask_is(grays(7, 200))), False),
    ("white", with_mask(WHITE), works(first_mask_is(ONE)), False),
    ("one bit", with_mask(WHITE, mode="1"), works(first_mask_is(ONE)), False),
    ("one bit bitmap", with_mask(WHITE, "mask.bmp", mode="1"), works(first_mask_is(ONE)), False),
    ("0 85 170", with_mask(grays(85, 170)), works(first_mask_is(grays(85, 170))), False),
    ("0 128 255", with_mask(grays(128, 255)), works_or_refused(regions_are(IDS)), False),
    ("0 127 255 as RGB", with_mask(np.dstack([grays(127, 255)] * 3)),
     works_or_refused(regions_are(IDS)), False),
    ("0 85 170 255", with_mask(grays(85, 170, 255)),
     works_or_refused(regions_are(grays(85, 170, 255))), False),
    ("0 1 255 solid", with_mask(grays(1, 255)), works_or_refused(regions_are(IDS)), False),
    ("0 128 255 with alpha", with_mask(grays(128, 255), mode="LA"),
     works_or_refused(regions_are(IDS)), False),
    ("array 0 128 255", with_mask(grays(128, 255), "m.npy"),
     works_or_refused(regions_are(IDS)), False),
    ("array 0 255", with_mask(WHITE, "m.npy"), works(first_mask_is(ONE)), False),
    ("array 0 255 of 64 bits", with_mask(WHITE.astype(np.int64), "m.npy"),
     works(first_mask_is(ONE)), False),
    ("array of bool", with_mask(ONE.astype(bool), "m.npy"), works(first_mask_is(ONE)), False),
    ("array of ids", with_mask(IDS.astype(np.int64), "m.npy"), works(first_mask_is(IDS)), False),
    ("array of real numbers", with_mask(IDS * 0.5, "m.npy"), refused("float64", "integers"), False),
    ("array of logits", with_mask(np.where(ONE, 4.5, -9.0)[None].astype(np.float32), "m.npy"),
     refused("float32"), False),
    ("array with a channel", with_mask(IDS[None], "m.npy"),
     works_or_refused(regions_are(IDS)), False),
    ("array of two channels", with_mask(np.stack([IDS, IDS]), "m.npy"), refused("2, 64"), False),
    ("array with -1", with_mask(IDS.astype(int) - 1, "m.npy"), refused("-1", "1 to 254"), False),
    ("array with 300", with_mask(IDS.astype(int) * 150, "m.npy"), refused("300"), False),
    ("array with a broken header", with_mask(broken_header(), "m.npy"), refused("m.npy"), False),
    ("array cut short", with_mask(stored(IDS)[:-100], "m.npy"), refused("m.npy"), False),
    ("array of objects", with_mask(np.array([IDS.tolist(), None], object), "m.npy"),
     refused("npy"), False),
    ("border of VOC", with_mask(voc_border()),
     works(objects_are(1, 2)), False),
    ("16 bits ids", with_mask(SIXTEEN), works(first_mask_is(IDS)), False),
    ("16 bits white", with_mask(WHITE.astype(np.uint16) * 257), works(first_mask_is(ONE)), False),
    ("16 bits id 300", with_mask(SIXTEEN * 150), refused("300", "254"), False),
    ("16 bits half and white", with_mask(grays(128, 255).astype(np.uint16) * 257),
     works_or_refused(regions_are(IDS)), False),
    ("32 bits ids", with_mask(IDS.astype(np.int32), "m.tif"), works(first_mask_is(IDS)), False),
    ("32 bits 100000", with_mask(ONE.astype(np.int32) * 100000, "m.tif"),
     refused("100000"), False),
    ("real numbers TIFF", with_mask(IDS.astype(np.float32), "m.tif"), refused("real"), False),
    ("2 bits", with_mask(few_bits(IDS, 2)), works(first_mask_is(IDS)), False),
    ("4 bits", with_mask(few_bits(IDS * 6, 4)), works(first_mask_is(IDS * 6)), False),
    ("empty", with_mask(IDS * 0), refused("mask.png", "empty"), False),
    ("no bytes", with_mask(b"", "mask.png"), refused("mask.png", "readable"), False),
    ("text", with_mask(b"not a picture", "mask.png"), refused("mask.png", "readable"), False),
    ("PNG named jpg", with_mask(cv2.imencode(".png", IDS)[1].tobytes(), "mask.jpg"),
     works(first_mask_is(IDS)), False),
    ("cut PNG", with_mask(cv2.imencode(".png", picture(0))[1].tobytes()[:3000]),
     refused("mask.png", "readable|cut"), False),
    ("webp", with_mask(coloured(IDS), "m.webp", lossless=True),
     works(regions_are(IDS)), False),
]  # fmt: skip


def wires(width, size=40):
    """Return four objects that are lines of `width` pixels."""
    ids = np.zeros_like(IDS)
    for number in range(4):
        ids[18 + 11 * number : 18 + 11 * number + width, 10 : 10 + size] = number + 1
    return ids


def many_ids():
    """Return 221 ids in cells of 5x4 pixels."""
    cells = np.zeros((16, 19), np.uint8)
    cells.reshape(-1)[:221] = np.arange(1, 222)
    ids = np.kron(cells, np.ones((4, 5), np.uint8))
    return np.pad(ids, ((0, 0), (0, WIDTH - ids.shape[1])))


SNAP = ("--snap-mask",)
NEAR = ((0, 0, 0), (200, 30, 60), (210, 40, 60))
BLURRED = cv2.GaussianBlur(WHITE, (0, 0), 1.2)
CUT_OUT = np.dstack(
    [np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8), WHITE]
)
_SNAPPED = [
    ("clean ids 1 and 2", with_mask(IDS, options=SNAP), works(first_mask_is(IDS)), False),
    ("clean 100 and 120", with_mask(grays(100, 120), options=SNAP),
     works(first_mask_is(grays(100, 120))), False),
    ("clean white", with_mask(WHITE, options=SNAP), works(first_mask_is(ONE)), False),
    ("clean 221 ids", with_mask(many_ids(), options=SNAP), works(first_mask_is(many_ids())), False),
    ("221 ids unsnapped", with_mask(many_ids()), works(first_mask_is(many_ids())), False),
    ("clean 16 bits ids", with_mask(SIXTEEN, options=SNAP), works(first_mask_is(IDS)), False),
    ("clean 16 bits 20000 and 20100",
     with_mask((SIXTEEN > 0) * np.uint16(19900) + SIXTEEN * np.uint16(100), options=SNAP),
     works_or_refused(regions_are(IDS)), False),
    ("clean 32 bits ids", with_mask(IDS.astype(np.int32), "m.tif", SNAP),
     works(first_mask_is(IDS)), False),
    ("clean colours", with_mask(coloured(IDS), options=SNAP), works(regions_are(IDS)), False),
    ("near colours", with_mask(coloured(IDS, NEAR), options=SNAP),
     works(regions_are(IDS)), False),
    ("wires of one pixel", with_mask(wires(1)), works(first_mask_is(wires(1))), False),
    ("wires of two pixels", with_mask(wires(2)), works(first_mask_is(wires(2))), False),
    ("wires snapped", with_mask(wires(1), options=SNAP), works(first_mask_is(wires(1))), False),
    ("four specks", with_mask(wires(2, 2)), works(first_mask_is(wires(2, 2))), False),
    ("blurred", with_mask(BLURRED), refused("--snap-mask", "edges"), False),
    ("blurred snapped", with_mask(BLURRED, options=SNAP),
     works(first_mask_overlaps(ONE), says=(r"\d+ pixels",)), False),
    ("JPEG", with_mask(jpeg(WHITE), "m.jpg"), refused("JPEG", "--snap-mask"), False),
    ("JPEG snapped", with_mask(jpeg(WHITE), "m.jpg", SNAP), works(first_mask_overlaps(ONE)), False),
    ("JPEG colours snapped", with_mask(jpeg(coloured(IDS)), "m.jpg", SNAP),
     works(first_mask_overlaps(np.where(IDS, 3 - IDS, 0).astype(np.uint8))), False),
    ("the frame itself", with_mask(picture(0)), refused("photograph"), False),
    ("the frame itself snapped", with_mask(picture(0), options=SNAP), refused("photograph"), False),
    ("a frame with even colours itself", cartoon(), refused("photograph", "equal the frame"),
     False),
    ("a drawn mask on even colours", cartoon(IDS), works(first_mask_is(IDS)), False),
    ("another photograph", with_mask(cv2.GaussianBlur(picture(1), (0, 0), 2)),
     refused("photograph"), False),
    ("a photograph as JPEG", with_mask(jpeg(picture(1)), "m.jpg", SNAP),
     refused("photograph"), False),
    ("a gray photograph", with_mask(picture(1)[..., 0], options=SNAP),
     refused("photograph"), False),
    ("a cut-out with alpha", with_mask(CUT_OUT), works(first_mask_is(ONE)), False),
    ("a cut-out with alpha snapped", with_mask(CUT_OUT, options=SNAP),
     works(first_mask_is(ONE)), False),
    ("white on clear", with_mask(np.dstack([WHITE] * 4)), works(first_mask_is(ONE)), False),
    ("black on clear", with_mask(np.dstack([WHITE * 0] * 3 + [WHITE])),
     works(first_mask_is(ONE)), False),
]  # fmt: skip
BETWEEN = enlarged(TOUCHING, cv2.INTER_LINEAR)
BETWEEN[~np.isin(BETWEEN, (0, 1, 3))] = 2
_PHANTOMS = [
    ("touching ids resized", with_mask(BETWEEN), refused(r"\b2\b", "pixel|border"), False),
    ("id 3 resized", with_mask(enlarged(ONE * 3, cv2.INTER_LINEAR)), refused("border|edge"), False),
    ("ids 1 and 9 resized", with_mask(enlarged(grays(1, 9), cv2.INTER_CUBIC)),
     refused("edges|border"), False),
    ("ids 0 and 4 averaged", with_mask(cv2.resize(cv2.resize(ONE * 4, None, fx=0.25, fy=0.25,
     interpolation=cv2.INTER_AREA), (WIDTH, HEIGHT))), refused("border|edge"), False),
    ("ids as JPEG", with_mask(jpeg(IDS, 95), "m.jpg"), refused("JPEG|border|edge"), False),
    ("ids 10 and 20 as JPEG", with_mask(jpeg(IDS * 10), "m.jpg"), refused("JPEG"), False),
    ("colours resized", with_mask(enlarged(coloured(TOUCHING, ((0, 0, 0), (255, 0, 0), (0, 0, 255),
     (0, 255, 0))), cv2.INTER_LINEAR)), refused("edges|border"), False),
    ("nearest neighbour", with_mask(enlarged(TOUCHING, cv2.INTER_NEAREST)),
     works(first_mask_is(enlarged(TOUCHING, cv2.INTER_NEAREST))), False),
]  # fmt: skip
ROWS = [
    Row(name, topic, make, outcome, fails_today=fails)
    for topic, rows in (
        ("gray values", _GRAY),
        ("snapped and stray values", _SNAPPED),
        ("phantom objects", _PHANTOMS),
    )
    for name, make, outcome, fails in rows
]
