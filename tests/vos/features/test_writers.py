"""Files and folders of features."""

import numpy as np
import pytest

from vos.errors import InputError
from vos.features.writers import FileWriter, open_writer


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        open_writer(tmp_path / "file" / "x", {})


def test_file_without_frames(tmp_path):
    with FileWriter(tmp_path / "x.npz", {}) as writer, pytest.raises(InputError, match="no frames"):
        writer.finish()


def test_a_folder_keeps_whole_frames_alone(tmp_path):
    writer = open_writer(tmp_path / "out", {"settings": 1})
    writer.add("a/b", {"patches": np.ones((4, 2, 3), np.float32)})
    assert writer.has("a/b")
    assert not writer.has("c")
    path = tmp_path / "out/a_b.npz"
    path.write_bytes(path.read_bytes()[:-20])
    assert not open_writer(tmp_path / "out", {"settings": 1}).has("a/b")


def test_frames_of_two_shapes_do_not_go_into_one_file(tmp_path):
    with FileWriter(tmp_path / "x.npz", {}) as writer:
        writer.add("a", {"patches": np.ones((4, 2, 3), np.float32)})
        with pytest.raises(InputError, match="the features of b have the shape"):
            writer.add("b", {"patches": np.ones((4, 3, 2), np.float32)})
