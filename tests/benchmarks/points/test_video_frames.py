import cv2
import numpy as np
import pytest
from PIL import Image

from benchmarks.points.video_frames import VideoFrames
from vos.errors import InputError

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 20, 30, 3), np.uint8)


def test_files_and_arrays_by_number(tmp_path):
    paths = [tmp_path / f"{n}.png" for n in range(3)]
    for path, picture in zip(paths, PICTURES, strict=True):
        cv2.imwrite(str(path), picture[..., ::-1])
    for frames in (VideoFrames(paths), VideoFrames(PICTURES)):
        assert len(frames) == 3
        np.testing.assert_array_equal(np.stack(list(frames)), PICTURES)
        np.testing.assert_array_equal(frames[1:][0], PICTURES[1])
    paths[2].unlink()
    with pytest.raises(InputError, match="cannot be read"):
        VideoFrames(paths)[2]


def test_they_are_resized_by_lanczos():
    want = Image.fromarray(PICTURES[0]).resize((16, 8), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(VideoFrames(PICTURES, (16, 8))[0], np.asarray(want))
