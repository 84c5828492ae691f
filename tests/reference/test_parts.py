"""Labels of parts and their masks against the published code for VIP (CropMAE, videowalk)."""

import numpy as np
import pytest
import torch

from tests.data.scenes import NoNetwork
from tests.reference.files import file_id, files_with, load
from vos.masks.ids import object_ids
from vos.propagation.presets import PRESETS
from vos.propagation.propagator import LabelPropagator

FILES = files_with("example_annotation", "example_grid_labels", "example_soft_labels")
pytestmark = pytest.mark.skipif(not FILES, reason="no such reference is here")


class OneFrame(LabelPropagator):
    """A tracker whose features are nothing; what matters is how labels are made and read."""

    def __init__(self, grid, stride):
        super().__init__(NoNetwork(stride), PRESETS["siammae-vip"].propagation)
        self.grid = grid

    def features(self, frames):
        return [torch.ones(*self.grid, 2) for _ in frames]


def tracker_of(arrays):
    grid = arrays["example_grid_labels"].shape[:2]
    rows, columns = arrays["example_network_size_hw"]
    assert rows / grid[0] == columns / grid[1]
    return OneFrame(grid, int(rows) // grid[0])


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_labels_and_mask_of_an_annotation(path):
    arrays, _ = load(path)
    annotation, classes = arrays["example_annotation"], arrays["example_classes"]
    assert (0, *object_ids(annotation)) == tuple(classes)
    tracker = tracker_of(arrays)
    frame = np.zeros((*annotation.shape, 3), np.uint8)
    mask = tracker.step(frame, annotation)
    labels = tracker.soft_labels.permute(1, 2, 0).numpy()
    np.testing.assert_allclose(labels, arrays["example_grid_labels"], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(mask, arrays["example_full_mask_from_grid_labels"])


@pytest.mark.parametrize("path", FILES, ids=file_id)
@pytest.mark.parametrize("kind", ["grid_labels", "soft_labels"])
@pytest.mark.parametrize("size", ["mask", "full_mask"])
def test_masks_of_labels(path, kind, size):
    arrays, _ = load(path)
    tracker = tracker_of(arrays)
    objects = tuple(int(c) for c in arrays["example_classes"][1:])
    labels = torch.from_numpy(arrays[f"example_{kind}"]).permute(2, 0, 1).contiguous()  # (C, h, w)
    want = arrays[f"example_{size}_from_{kind}"]
    frame = np.zeros((*want.shape, 3), np.uint8)
    np.testing.assert_array_equal(tracker.mask_of(labels, objects, frame), want)
