"""The class token's attention: which patches carry its mass, and the verb that shows them."""

import cv2
import numpy as np
import pytest
import torch

from vos.backbones.dino import DinoViT
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.weights_record import WeightsRecord
from vos.cli import VERBS
from vos.cli.attention import Attention
from vos.cli.verbs import run_verbs
from vos.errors import InputError
from vos.features.attention import AttentionReader, attention_sheet, attention_videos, top_mass
from vos.masks.io import read_index_png
from vos.runtime.folder_lock import locked_folder
from vos.video.reader import open_frames


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    network = VisionTransformer(8, 128, 2, 2, img_size=64)
    return DinoViT(network, WeightsRecord("small", "untrained", None, "none"))


@pytest.fixture(scope="module")
def checkpoint(backbone, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.pth"
    torch.save(backbone.network.state_dict(), path)
    return path


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        image = cv2.resize(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8), (90, 66))
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


def call(*argv):
    return run_verbs("vos", "", VERBS, ["attention", *map(str, argv)])


@pytest.mark.parametrize("percent", [60, 90])
def test_top_mass_equals_the_reference(reference_dir, percent):
    path = reference_dir / "frozen_feature_evals.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    with np.load(path) as reference:
        kept = top_mass(torch.from_numpy(reference["attention"]), percent / 100)
        assert np.array_equal(kept.numpy(), reference[f"attention_mask_{percent}"])


def test_top_mass_by_hand():
    attention = torch.tensor([[1.0, 5.0, 2.0, 2.0]])
    assert top_mass(attention, 0.4).tolist() == [[False, True, False, False]]
    assert top_mass(attention, 0.95).all()
    assert top_mass(attention * 7, 0.4).tolist() == [[False, True, False, False]]
    assert top_mass(attention, 1.0).all()


@pytest.mark.parametrize("mass", [0, -1, 1.1, float("nan")])
def test_mass_out_of_range(mass, backbone):
    with pytest.raises(InputError, match="share above 0"):
        top_mass(torch.ones(1, 4), mass)
    with pytest.raises(InputError, match="share above 0"):
        AttentionReader(backbone, mass=mass)


def test_maps_are_the_networks_own_attention(backbone):
    frame = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    maps = AttentionReader(backbone, short_side=64).read(frame)
    assert [m.name for m in maps] == ["mean", "head1", "head2"]
    image = backbone.preprocess(frame, short_side=64, size_multiple=1)
    with torch.inference_mode():
        want = backbone.class_attention(image)[0].numpy()
    assert np.allclose(maps[1].weights, want[0])
    assert np.allclose(maps[0].weights, want.mean(0))
    for found in maps:
        assert found.weights.shape == (8, 12)
        assert found.mask.shape == (64, 96)
        inside = cv2.resize(found.mask, (12, 8), interpolation=cv2.INTER_NEAREST) == 1
        share = found.weights[inside].sum() / found.weights.sum()
        assert 0.6 <= share < 0.6 + found.weights.max() / found.weights.sum() + 1e-6


def test_attention_sums_to_less_than_one_by_the_class_tokens_own_share(backbone):
    frame = np.zeros((64, 64, 3), np.uint8)
    maps = AttentionReader(backbone, short_side=64).read(frame)
    assert all(0 < m.weights.sum() < 1 for m in maps)


@pytest.mark.parametrize("heads", [2, 3, 5])
def test_sheets_hold_every_map(backbone, heads):
    frame = np.full((48, 64, 3), 90, np.uint8)
    maps = AttentionReader(backbone, short_side=48).read(frame)
    maps = [maps[0], *[maps[1]] * heads]
    sheet = attention_sheet(frame, maps, cell_width=64)
    blocks = -(-(2 + heads) // 4)
    assert sheet.shape[0] > blocks * 2 * 48
    assert sheet.shape[1] == 6 + 4 * (64 + 6)
    assert sheet.dtype == np.uint8


def test_a_picture_gives_sheet_heat_maps_and_masks(checkpoint, pictures, tmp_path, capsys):
    out = tmp_path / "out"
    argv = [pictures / "0.png", "-o", out, "--weights", checkpoint, "--short-side", "64"]
    assert call(*argv) == 0
    told = capsys.readouterr().out
    assert "2 heads over 10x8 patches" in told
    assert cv2.imread(str(out / "contact_sheet.png")).shape[2] == 3
    for name in ("mean", "head1", "head2"):
        assert cv2.imread(str(out / "heatmaps" / f"{name}.png")).shape == (66, 90, 3)
        mask = read_index_png(out / "masks" / f"{name}.png")
        assert mask.shape == (66, 90)
        assert set(np.unique(mask)) == {0, 1}
    assert call(*argv) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert call(*argv, "--overwrite", "--mass", "0.2") == 0
    smaller = read_index_png(out / "masks" / "mean.png")
    assert 0 < smaller.mean() < 0.5


def test_a_folder_gives_videos(checkpoint, pictures, tmp_path, capsys):
    out = tmp_path / "out"
    argv = [pictures, "-o", out, "--weights", checkpoint, "--short-side", "64"]
    assert call(*argv, "--heads", "--stride", "2") == 0
    assert "2 frames" in capsys.readouterr().out
    for name in ("attention.mp4", "heads.mp4"):
        with open_frames(out / name) as frames:
            assert frames.fps == 24
            assert len(list(frames)) == 2
    again = tmp_path / "again"
    assert call(pictures, "-o", again, "--weights", checkpoint, "--short-side", "64") == 0
    assert [p.name for p in again.iterdir()] == ["attention.mp4"]


def test_a_stopped_video_keeps_its_frames(backbone, pictures, tmp_path):
    def stop_after_two(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    attention = AttentionReader(backbone, short_side=64)
    with open_frames(pictures) as reader, pytest.raises(KeyboardInterrupt):
        attention_videos(reader, attention, tmp_path, heads=False, on_frame=stop_after_two)
    with open_frames(tmp_path / "attention.mp4") as frames:
        assert len(list(frames)) == 2

    class Stops:
        fps, count = None, 1

        def __iter__(self):
            raise KeyboardInterrupt

    empty = tmp_path / "empty"
    with pytest.raises(KeyboardInterrupt):
        attention_videos(Stops(), attention, empty, heads=False)
    assert not list(empty.iterdir())


def test_a_backbone_without_class_token_is_refused(pictures, tmp_path, capsys):
    argv = [pictures / "0.png", "-o", tmp_path / "out", "--backbone", "efficientnet_lite0"]
    assert call(*argv) == 2
    err = capsys.readouterr().err
    assert "class token" in err
    assert "dino_vits8" in err
    assert not (tmp_path / "out").exists()


def test_out_that_is_a_file_is_refused(checkpoint, pictures, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    argv = [pictures / "0.png", "-o", tmp_path / "file", "--weights", checkpoint]
    assert call(*argv) == 2
    assert "is a file" in capsys.readouterr().err


def test_two_runs_do_not_share_a_folder(pictures, tmp_path, capsys):
    with locked_folder(tmp_path):
        assert call(pictures / "0.png", "-o", tmp_path) == 2
    assert "in use by process" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.png"))


def test_defaults_are_the_published_ones():
    assert Attention.short_side == 480
    assert Attention.mass == 0.6
    with pytest.raises(InputError):
        AttentionReader(load_backbone("efficientnet_lite0", device="cpu"))
