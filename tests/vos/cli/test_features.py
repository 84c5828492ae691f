import json

import cv2
import numpy as np
import pytest
from safetensors import safe_open

from tests.data.images import picture, said, save_weights, write_picture
from vos.backbones.loading import load_backbone
from vos.cli.verbs import Verb, run_verbs
from vos.features.extraction import frame_arrays
from vos.features.request import FeatureRequest


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


@pytest.fixture(scope="module")
def backbone(weights):
    return load_backbone(weights=weights, device="cpu", precision="fp32")


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        write_picture(tmp_path / "in" / f"f{number}.png", picture((200, 50, 40), number, 64, 96))
    return tmp_path / "in"


def vos(*arguments):
    verbs = [Verb("features", "", "vos.cli.features:Features")]
    return run_verbs("vos", "", verbs, ["features", *map(str, arguments)])


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--device", "cpu", "--short-side", 64,
            "--size-multiple", 16]  # fmt: skip


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_one_file_of_all_frames(folder, weights, backbone, tmp_path, suffix):
    out = tmp_path / f"features{suffix}"
    assert vos(folder, "-o", out, "--class-token", *options(weights)) == 0
    if suffix == ".npz":
        held = np.load(out, allow_pickle=False)
        patches, tokens = held["patches"], held["class_token"]
        frames, about = held["frames"].tolist(), json.loads(str(held["about"]))
    else:
        with safe_open(out, framework="np") as handle:
            patches, tokens = handle.get_tensor("patches"), handle.get_tensor("class_token")
            frames = json.loads(handle.metadata()["frames"])
            about = json.loads(handle.metadata()["about"])
    assert patches.shape == (3, 64, 4, 6)
    assert patches.dtype == np.float32
    assert frames == ["f0", "f1", "f2"]
    assert about["backbone"]["sha256"]
    request = FeatureRequest(class_token=True, short_side=64, size_multiple=16)
    image = cv2.cvtColor(cv2.imread(str(folder / "f1.png")), cv2.COLOR_BGR2RGB)
    alone = frame_arrays(backbone, image, request)
    np.testing.assert_array_equal(patches[1], alone["patches"])
    np.testing.assert_array_equal(tokens[1], alone["class_token"])
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_layers_and_half(folder, weights, tmp_path):
    out = tmp_path / "features.npz"
    chosen = ["--layers", -3, 0, -1, "--half", "--square", 32, "--stride", 2]
    assert vos(folder, "-o", out, *chosen, *options(weights)) == 0
    held = np.load(out)
    assert held["patches"].shape == (2, 3, 64, 2, 2)
    assert held["patches"].dtype == np.float16
    assert held["frames"].tolist() == ["f0", "f2"]


def test_folder_goes_on_after_a_stop(folder, weights, tmp_path, capsys):
    out = tmp_path / "out"
    assert vos(folder, "-o", out, *options(weights)) == 0
    files = sorted(out.glob("*.npz"))
    assert [f.name for f in files] == ["f0.npz", "f1.npz", "f2.npz"]
    assert np.load(files[0])["patches"].shape == (64, 4, 6)
    assert "3 frames, width 64" in capsys.readouterr().out
    files[0].unlink()
    whole = files[1].read_bytes()
    files[1].write_bytes(whole[:-200])
    assert vos(folder, "-o", out, *options(weights)) == 0
    assert "3 frames (1 were there already)" in capsys.readouterr().out
    assert files[1].read_bytes() == whole


def test_pictures_of_several_sizes(folder, weights, tmp_path, capsys):
    write_picture(folder / "f9.png", picture((1, 2, 3), 0, 96, 64))
    assert vos(folder, "-o", tmp_path / "one.npz", *options(weights)) == 2
    assert "give --square" in said(capsys)
    assert not (tmp_path / "one.npz").exists()
    assert vos(folder, "-o", tmp_path / "many", *options(weights)) == 0
    assert np.load(tmp_path / "many/f9.npz")["patches"].shape == (64, 6, 4)
    assert vos(folder, "-o", tmp_path / "one.npz", "--square", 32, *options(weights)) == 0


@pytest.mark.parametrize("pattern", ["*.png", "f?.png", "f[0-9].png"])
def test_pictures_of_several_sizes_by_a_pattern(folder, weights, tmp_path, pattern):
    write_picture(folder / "f9.png", picture((1, 2, 3), 0, 96, 64))
    assert vos(folder / pattern, "-o", tmp_path / "many", *options(weights)) == 0
    assert np.load(tmp_path / "many/f9.npz")["patches"].shape == (64, 6, 4)


def test_names_with_brackets(folder, weights, tmp_path):
    named = folder.rename(tmp_path / "clip [1080p]")
    for number, source in enumerate((named, named / "f*.png", named / "f?.png")):
        out = tmp_path / f"{number}.npz"
        assert vos(source, "-o", out, *options(weights)) == 0
        assert np.load(out)["frames"].tolist() == ["f0", "f1", "f2"]
    one = (named / "f0.png").rename(named / "f*[0].png")
    assert vos(one, "-o", tmp_path / "one.npz", *options(weights)) == 0
    assert np.load(tmp_path / "one.npz")["frames"].tolist() == ["f*[0]"]


def test_frames_of_a_folder_are_chosen_and_shrunk(folder, weights, tmp_path):
    chosen = ["--start", 1, "--max-size", 48, "--short-side", 0, "--weights", weights]
    assert vos(folder, "-o", tmp_path / "a.npz", *chosen, "--precision", "fp32") == 0
    held = np.load(tmp_path / "a.npz")
    assert held["frames"].tolist() == ["f1", "f2"]
    assert held["patches"].shape == (2, 64, 2, 3)  # 48x32 of 96x64 pixels


def test_a_run_that_goes_on_to_another_end_has_the_same_levels(folder, weights, tmp_path):
    levels = cv2.resize(np.arange(256, dtype=np.uint16).reshape(16, 16), (96, 64))
    for number, scale in enumerate((1, 1, 16)):
        cv2.imwrite(str(folder / f"f{number}.png"), levels * scale)
    assert vos(folder, "-o", tmp_path / "part", "--end", 2, *options(weights)) == 0
    assert vos(folder, "-o", tmp_path / "whole", *options(weights)) == 0
    for name in ("f0", "f1"):
        part, whole = (np.load(tmp_path / out / f"{name}.npz") for out in ("part", "whole"))
        np.testing.assert_array_equal(part["patches"], whole["patches"])


def test_a_refused_run_leaves_nothing_in_the_way(folder, weights, tmp_path, capsys):
    out = tmp_path / "out"
    assert vos(folder, "-o", out, *options(weights), "--short-side", 4) == 2
    assert "leaves no patch" in said(capsys)
    assert not out.exists()
    out.mkdir()
    (out / "about.json").write_text('{"of": "a run that came to nothing"}')
    assert vos(folder, "-o", out, *options(weights)) == 0
    assert json.loads((out / "about.json").read_text())["request"]["short_side"] == 64


def test_one_picture_and_a_pattern(folder, weights, tmp_path):
    assert vos(folder / "f1.png", "-o", tmp_path / "a.npz", *options(weights)) == 0
    assert np.load(tmp_path / "a.npz")["frames"].tolist() == ["f1"]
    assert vos(folder / "f[12]*.png", "-o", tmp_path / "b.npz", *options(weights)) == 0
    assert np.load(tmp_path / "b.npz")["frames"].tolist() == ["f1", "f2"]


def test_video(shared_data, weights, tmp_path):
    clip = sorted((shared_data / "videos").glob("*.mp4"))[0]
    chosen = ["--end", 3, "--half", *options(weights)]
    assert vos(clip, "-o", tmp_path / "a.safetensors", *chosen) == 0
    with safe_open(tmp_path / "a.safetensors", framework="np") as handle:
        assert handle.get_tensor("patches").shape[:2] == (3, 64)
        assert json.loads(handle.metadata()["frames"]) == ["00000", "00001", "00002"]


def test_cnn(folder, tmp_path, capsys):
    network = ["--backbone", "efficientnet_lite0", "--precision", "fp32", "--short-side", 64]
    assert vos(folder, "-o", tmp_path / "a.npz", *network) == 0
    assert np.load(tmp_path / "a.npz")["patches"].shape == (3, 152, 8, 8)
    assert vos(folder, "-o", tmp_path / "b.npz", "--class-token", *network) == 2
    assert "has no class token" in said(capsys)


def test_what_is_there_is_not_replaced_unasked(folder, weights, tmp_path, capsys):
    out = tmp_path / "a.npz"
    out.write_text("mine")
    assert vos(folder, "-o", out, *options(weights)) == 2
    assert "is there already" in said(capsys)
    assert out.read_text() == "mine"
    assert vos(folder, "-o", out, "--overwrite", *options(weights)) == 0
    (tmp_path / "folder.npz").mkdir()
    assert vos(folder, "-o", tmp_path / "folder.npz", "--overwrite", *options(weights)) == 2
    assert "is a folder" in said(capsys)
    mine = tmp_path / "mine"
    write_picture(mine / "x.png", picture((1, 2, 3), 0))
    assert vos(folder, "-o", mine, *options(weights)) == 2
    assert "holds other files" in said(capsys)


def test_folder_of_other_settings(folder, weights, tmp_path, capsys):
    out = tmp_path / "out"
    assert vos(folder, "-o", out, *options(weights)) == 0
    assert vos(folder, "-o", out, "--half", *options(weights)) == 2
    assert "made with other settings" in said(capsys)
    assert vos(folder, "-o", out, "--max-size", 48, *options(weights)) == 2
    assert "made with other settings" in said(capsys)
    assert vos(folder, "-o", out, "--half", "--overwrite", *options(weights)) == 0
    assert np.load(out / "f0.npz")["patches"].dtype == np.float16
    (out / "about.json").write_text("{")
    assert vos(folder, "-o", out, *options(weights)) == 2
    assert "is damaged" in said(capsys)


@pytest.mark.parametrize(
    "case",
    [
        (["-o", "features.pt"], "FILE.npz, FILE.safetensors"),
        (["-o", "a.npz", "--layers"], "layers are missing"),
        (["-o", "a.npz", "--layers", 4], "has 4 blocks: expected numbers from -4 to 3"),
        (["-o", "a.npz", "--size-multiple", 0], "a multiple of 1 or more"),
        (["-o", "a.npz", "--start", 7], "has 3 frames, so none from 7 on"),
    ],
)
def test_wrong_input(folder, weights, tmp_path, capsys, case):
    given, told = case
    placed = [tmp_path / g if "." in str(g) else g for g in given]
    assert vos(folder, *options(weights), *placed) == 2
    assert told in said(capsys)
