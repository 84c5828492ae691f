"""`segment_video` and the trackers take what other entries give: arrays, masks, modules."""

import numpy as np
import pytest
import torch
from torch import nn

import vos
from vos.errors import InputError
from vos.masks.io import read_index_png
from vos.segmentation.options import PassOptions
from vos.tracking.point_files import PointQuery
from vos.tracking.track import track_video

CONFIG = vos.PropagationConfig(short_side=0)


class Colours(nn.Module):
    """Means of blocks of 8 pixels, with what a backbone of them needs."""

    stride, mean, std = 8, (0.5,) * 3, (0.2,) * 3

    def forward(self, images):
        return nn.functional.avg_pool2d(images, 8)


def clip(count=4):
    frames = []
    for t in range(count):
        frame = np.zeros((64, 96, 3), np.uint8)
        frame[16:48, 8 * t : 8 * t + 32] = (250, 80, 40)
        frames.append(frame)
    return frames


IDS = np.zeros((64, 96), np.uint8)
IDS[16:48, :32] = 1


def written(out):
    return [read_index_png(path) for path in sorted((out / "masks").iterdir())]


def test_frames_in_a_list_and_from_a_generator_are_a_video(tmp_path):
    tracker = vos.LabelPropagator(Colours(), CONFIG)
    expected = [tracker.step(f, IDS if i == 0 else None) for i, f in enumerate(clip())]
    for name, source in (("list", clip()), ("generator", iter(clip()))):
        result = vos.segment_video(source, IDS, tmp_path / name, backbone=Colours(), config=CONFIG)
        assert result.frames == 4
        assert np.array_equal(written(tmp_path / name), expected)
    assert expected[3][32, 40] == 1


def test_backbones_of_all_kinds_are_taken(tmp_path):
    expected = None
    wrapped = vos.wrap_backbone(Colours(), stride=8, mean=(0.5,) * 3, std=(0.2,) * 3)
    for number, backbone in enumerate((wrapped, Colours(), Colours, lambda: wrapped)):
        if backbone is Colours:
            with pytest.raises(InputError, match="the class Colours was given"):
                vos.LabelPropagator(backbone)
            continue
        out = tmp_path / str(number)
        vos.segment_video(clip(), IDS, out, backbone=backbone, config=CONFIG)
        expected = expected if expected is not None else written(out)
        assert np.array_equal(written(out), expected)
        assert np.array_equal(vos.LabelPropagator(backbone, CONFIG).step(clip()[0], IDS), IDS)
    for backbone, kind in ((7, "int"), (None, "NoneType"), (nn.Identity(), "Identity")):
        with pytest.raises(InputError, match=kind):
            vos.LabelPropagator(backbone)
        with pytest.raises(InputError, match=kind):
            vos.segment_video(clip(), IDS, tmp_path / "wrong", backbone=backbone)


def test_masks_of_all_kinds_are_taken(tmp_path):
    vos.write_mask(tmp_path / "first.png", IDS)
    given = (IDS.astype(bool), IDS.astype(np.int64), vos.read_mask(tmp_path / "first.png"))
    for number, mask in enumerate((*given, torch.from_numpy(IDS))):
        tracker = vos.LabelPropagator(Colours(), CONFIG)
        assert np.array_equal(tracker.step(clip()[0], mask), IDS)
        out = tmp_path / str(number)
        vos.segment_video(clip(), {0: mask}, out, backbone=Colours(), config=CONFIG)
        assert np.array_equal(written(out)[0], IDS)
    for mask, kind in ((IDS.tolist(), "list"), (IDS * 1.0, "float64")):
        with pytest.raises(InputError, match=kind):
            vos.LabelPropagator(Colours(), CONFIG).step(clip()[0], mask)
        with pytest.raises(InputError, match=kind):
            vos.segment_video(clip(), mask, tmp_path / "wrong", backbone=Colours(), config=CONFIG)


def test_given_frames_go_forward_and_are_not_resumed(tmp_path, capsys):
    options = {"backbone": Colours(), "config": CONFIG}
    later = {2: np.roll(IDS, 16, axis=1)}
    vos.segment_video(clip(), later, tmp_path / "out", **options)
    assert "those before 2 have empty masks" in capsys.readouterr().err
    masks = written(tmp_path / "out")
    assert [bool(m.any()) for m in masks] == [False, False, True, True]
    with pytest.raises(InputError, match="cannot be resumed"):
        vos.segment_video(clip(), later, tmp_path / "out", resume=True, **options)
    both = PassOptions(direction="both")
    with pytest.raises(InputError, match="given frames are read forward only"):
        vos.segment_video(clip(), later, tmp_path / "both", passes=both, **options)


def test_points_are_followed_through_given_frames(tmp_path):
    point = PointQuery(0, 20.0, 30.0, "a")
    result = track_video(clip(), [point], tmp_path / "out", backbone=Colours(), config=CONFIG)
    assert result.frames == 4
    with pytest.raises(InputError, match="cannot be followed backward"):
        track_video(clip(), [point], tmp_path / "b", backbone=Colours(), backward=True)
