"""AVIF by Pillow, and HEIC where pillow-heif is installed."""

import io
import sys
import types

import numpy as np
import pytest
from PIL import Image

from vos.errors import InputError
from vos.video import box_pictures
from vos.video.images import list_images, read_image


def avif(turn=1):
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:10] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x112] = turn
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "AVIF", quality=95, exif=exif)
    return data.getvalue()


@pytest.mark.parametrize(("turn", "shape"), [(1, (20, 30, 3)), (6, (30, 20, 3))])
def test_avif_is_read_in_its_colours_and_upright(tmp_path, turn, shape):
    (tmp_path / "a.avif").write_bytes(avif(turn))
    image = read_image(tmp_path / "a.avif")
    assert image.shape == shape
    red = image[2, 2] if turn == 1 else image[2, -3]
    assert red[0] > 230
    assert red[2] < 25


def test_a_damaged_avif_is_refused(tmp_path):
    (tmp_path / "a.avif").write_bytes(avif()[:200])
    with pytest.raises(InputError, match=r"a\.avif"):
        read_image(tmp_path / "a.avif")


def test_heic_alone_names_the_package(tmp_path):
    (tmp_path / "1.HEIC").touch()
    with pytest.raises(InputError, match=r"1 \.heic files skipped \(pip install pillow-heif\)"):
        list_images(tmp_path)


def test_heic_goes_to_the_package_where_it_is(monkeypatch):
    calls = []
    fake = types.ModuleType("pillow_heif")
    fake.register_heif_opener = lambda: calls.append("registered")
    monkeypatch.setitem(sys.modules, "pillow_heif", fake)
    monkeypatch.setattr(box_pictures, "find_spec", lambda _: True)
    assert box_pictures.decode_box_picture(b"\0\0\0\x18ftypheic" + bytes(99)) is None
    assert calls == ["registered"]
