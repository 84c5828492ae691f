"""Encoded pictures for tests: JPEGs of several kinds, and TIFFs with chosen tags."""

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image


def photo(height=96, width=128):
    """Return an RGB picture (H, W, 3) uint8 with smooth parts, edges and noise."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([x + y, 2 * x, 255 - 2 * y], -1) % 256
    image[20:60, 30:70] = (200, 40, 90)
    return (image // 2 + np.random.default_rng(0).integers(0, 99, image.shape)).astype(np.uint8)


def jpeg(mode="RGB", **options):
    data = io.BytesIO()
    Image.fromarray(photo()).convert(mode).save(data, "JPEG", **options)
    return data.getvalue()


def png(levels):
    """Encode (H, W), or (H, W, 3) with blue first, uint8 or uint16."""
    return cv2.imencode(".png", levels)[1].tobytes()


def with_chunk(data, kind, content):
    """Put a chunk after the header of a PNG."""
    code = zlib.crc32(kind + content)
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", code)
    return data[:33] + chunk + data[33:]


def tiff(levels, *, bits=None, stored=None, **tags):
    """Write levels (H, W), or (H, W, C), as TIFF; `tags` by number, as `t281`, of 16 bits each."""
    content = levels.tobytes() if stored is None else stored
    kinds = {"u": 1, "i": 2, "f": 3}
    entries = {256: levels.shape[1], 257: levels.shape[0], 258: bits or 8 * levels.itemsize,
               259: 1, 262: 1, 273: 8, 277: 1, 278: levels.shape[0], 279: len(content),
               339: kinds[levels.dtype.kind]}  # fmt: skip
    entries.update({int(name[1:]): value for name, value in tags.items()})
    table = b"".join(
        struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, value)
        for tag, value in sorted(entries.items())
    )
    start = struct.pack("<2sHI", b"II", 42, 8 + len(content))
    return start + content + struct.pack("<H", len(entries)) + table + bytes(4)


def packed_12(levels):
    """Return levels (H, W) of 12 bits, W even, three bytes for two."""
    first, second = levels.reshape(-1, 2).astype(np.uint32).T
    three = [first >> 4, (first & 15) << 4 | second >> 8, second & 255]
    return np.stack(three, 1).astype(np.uint8).tobytes()
