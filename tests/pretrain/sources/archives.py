"""Images and archives of them, as the tests of this wing make them."""

import io
import tarfile
import zipfile

import numpy as np
from PIL import Image

RANDOM = np.random.default_rng(0)


def jpeg(value=128, size=(24, 20)):
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(buffer, "JPEG")
    return buffer.getvalue()


def make_tar(path, names):
    with tarfile.open(path, "w") as archive:
        for number, name in enumerate(names):
            data = jpeg(number * 10)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def make_zip(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, jpeg())
    return path
