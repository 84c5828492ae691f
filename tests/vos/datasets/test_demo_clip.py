"""The clip that is made on the spot."""

import numpy as np

import vos.datasets.demo_clip


def test_demo_clip_is_the_same_each_time_and_has_true_masks():
    frames = vos.datasets.demo_clip.demo_frames()
    image, mask = next(frames)
    again, same = next(vos.datasets.demo_clip.demo_frames())
    assert np.array_equal(image, again)
    assert np.array_equal(mask, same)
    assert image.shape == (480, 854, 3)
    assert set(np.unique(mask)) == {0, 1, 2, 3}
