"""Labels of a pass on disk."""

import numpy as np
import pytest
import torch

from vos.errors import InputError
from vos.segmentation.passes.pass_labels import FrameLabels, PassFolder


def test_labels_come_back_to_the_bit(tmp_path):
    folder = PassFolder(tmp_path / "passes")
    torch.manual_seed(0)
    labels = torch.rand(3, 6, 7).softmax(0)
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    folder.write(7, FrameLabels(labels, (3, 200), mask))
    folder.write(123456, FrameLabels(labels, (3, 200), None))
    read = folder.read(7)
    assert torch.equal(read.labels, labels)
    assert read.objects == (3, 200)
    assert np.array_equal(read.mask, mask)
    assert torch.equal(read.channel(200), labels[2])
    assert read.channel(4) is None
    assert folder.read(123456).mask is None
    folder.remove()
    assert not (tmp_path / "passes").exists()


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 half"])
def test_labels_that_cannot_be_read(tmp_path, content):
    if content is not None:
        (tmp_path / "00004.npz").write_bytes(content)
    with pytest.raises(InputError, match="for frame 4 cannot be read"):
        PassFolder(tmp_path).read(4)


def test_a_pass_is_complete_when_it_says_so(tmp_path):
    folder = PassFolder(tmp_path)
    assert not folder.is_complete
    assert folder.state() is None
    folder.complete(12)
    assert folder.is_complete
    assert folder.frames == 12
    (tmp_path / "complete.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        _ = folder.frames
