"""Soft labels and cut-outs on disk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from vos.errors import InputError
from vos.masks.ids import object_ids, one_hot
from vos.masks.soft_labels import (
    cut_out,
    read_soft_npz,
    read_soft_png,
    write_alpha_png,
    write_soft_npz,
    write_soft_pngs,
)

few = settings(max_examples=30, deadline=None)
SIDES = st.tuples(st.integers(1, 20), st.integers(1, 20))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("soft")


@few
@given(
    SIDES.flatmap(
        lambda size: hnp.arrays(np.float32, (3, *size), elements=st.floats(0, 1, width=32))
    )
)
def test_labels_come_back_to_their_precision(folder, labels):
    write_soft_npz(folder / "a.npz", labels, (5, 254))
    back, objects = read_soft_npz(folder / "a.npz")
    assert objects == (5, 254)
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, labels, atol=5e-4)
    paths = write_soft_pngs(folder, "00000", labels, (5, 254))
    assert paths == [folder / "005/00000.png", folder / "254/00000.png"]
    for path, label in zip(paths, labels[1:], strict=True):
        np.testing.assert_allclose(read_soft_png(path), label, atol=0.51 / 65535)


@few
@given(SIDES.flatmap(lambda size: hnp.arrays(np.uint8, size, elements=st.integers(0, 254))))
def test_hard_masks_survive_soft_pngs(folder, ids):
    objects = object_ids(ids)
    paths = write_soft_pngs(folder, "hard", one_hot(ids, objects), objects)
    back = np.zeros_like(ids)
    for object_id, path in zip(objects, paths, strict=True):
        back[read_soft_png(path) == 1] = object_id
    np.testing.assert_array_equal(back, ids)


def test_soft_png_is_sixteen_bit_gray(tmp_path):
    (path,) = write_soft_pngs(tmp_path, "a", np.full((2, 3, 4), 0.5), (1,))
    with Image.open(path) as image:
        assert image.mode == "I;16"
        assert np.asarray(image)[0, 0] == 32768


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (np.zeros((3, 4, 4)), r"expected labels \(2, H, W\)"),
        (np.zeros((4, 4)), r"expected labels \(2, H, W\)"),
        (np.full((2, 4, 4), 1.5), "expected 0 to 1"),
        (np.full((2, 4, 4), -0.1), "expected 0 to 1"),
        (np.full((2, 4, 4), np.nan), "expected 0 to 1"),
    ],
)
def test_other_labels_are_refused(tmp_path, labels, found):
    with pytest.raises(ValueError, match=found):
        write_soft_npz(tmp_path / "a.npz", labels, (1,))
    with pytest.raises(ValueError, match=found):
        write_soft_pngs(tmp_path, "a", labels, (1,))
    assert list(tmp_path.iterdir()) == []


def test_unreadable_soft_files(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(InputError, match="not a file of soft labels"):
        read_soft_npz(path)
    with pytest.raises(InputError, match="not a 16-bit gray PNG"):
        read_soft_png(path)
    for content in (b"", b"junk", b"PK\x03\x04 cut off"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a file of soft labels"):
            read_soft_npz(path)
    with path.open("wb") as handle:
        np.savez(handle, other=np.zeros(2))
    with pytest.raises(InputError, match="not a file of soft labels"):
        read_soft_npz(path)
    Image.new("L", (3, 3)).save(tmp_path / "eight.png")
    with pytest.raises(InputError, match="not a 16-bit gray PNG"):
        read_soft_png(tmp_path / "eight.png")


def test_cut_out_and_its_file(tmp_path):
    frame = np.random.default_rng(0).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    opacity = np.zeros((5, 6), bool)
    opacity[1:3, 2:4] = True
    picture = cut_out(frame, opacity)
    np.testing.assert_array_equal(picture[..., :3], frame)
    np.testing.assert_array_equal(picture[..., 3], opacity * 255)
    write_alpha_png(tmp_path / "a.png", picture)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(image), picture)
    assert cut_out(frame, np.full((5, 6), 0.5))[0, 0, 3] == 128
    with pytest.raises(ValueError, match="differ in size"):
        cut_out(frame, opacity[:4])
