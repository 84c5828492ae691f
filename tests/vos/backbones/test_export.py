import pytest
import torch
from timm.layers import Conv2dSame

from tests.data.images import said, save_weights
from vos.backbones.efficientnet_lite0 import EfficientNetLite0
from vos.backbones.export import (
    ExportableViT,
    _FeatureNetwork,
    _SameConv,
    cubic_matrix,
    export_backbone,
)
from vos.backbones.loading import load_backbone
from vos.cli.verbs import Verb, run_verbs
from vos.errors import InputError


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth", depth=2)


@pytest.fixture(scope="module")
def backbone(weights):
    return load_backbone(weights=weights, device="cpu", precision="fp32")


def vos(*arguments):
    verbs = [Verb("export", "", "vos.cli.export:Export")]
    return run_verbs("vos", "", verbs, ["export", *map(str, arguments)])


@pytest.mark.parametrize("size", [(64, 64), (16, 16), (96, 32), (48, 112), (224, 224)])
def test_exportable_network_is_the_same(backbone, size):
    torch.manual_seed(0)
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        torch.testing.assert_close(
            ExportableViT(backbone.network)(images), backbone(images), atol=2e-4, rtol=1e-4
        )


def test_matrix_of_the_learned_grid_changes_nothing():
    count = torch.arange(1.0, 5)
    assert torch.equal(cubic_matrix(count, 4, torch.tensor(True)), torch.eye(4))


def test_matrix_is_pytorchs_interpolation():
    values = torch.randn(1, 1, 5, 1)
    factor = (8 + 0.1) / 5
    expected = torch.nn.functional.interpolate(
        values, scale_factor=(factor, 1.0), mode="bicubic", align_corners=False
    )
    matrix = cubic_matrix(torch.arange(1.0, 9), 5, torch.tensor(False))
    torch.testing.assert_close(matrix @ values[0, 0], expected[0, 0])
    torch.testing.assert_close(matrix.sum(1), torch.ones(8))


def test_the_form_follows_the_name(weights, tmp_path, capsys):
    file = tmp_path / "backbone.pt"
    assert vos("-o", file, "--weights", weights, "--no-check") == 0
    assert "not checked beside PyTorch" in capsys.readouterr().out
    assert torch.jit.load(file) is not None
    assert vos("-o", tmp_path / "backbone.bin", "--weights", weights) == 2
    assert ".onnx (onnx), .pt (torchscript), .pt2 (torch-export)" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["torchscript", "torch-export"])
def test_vit_to_pytorchs_own_formats(backbone, tmp_path, form):
    report = export_backbone(backbone, tmp_path / "vit", form)
    assert len(report.differences) == 4
    assert max(report.differences.values()) < 1e-4
    assert report.path.stat().st_size > 100_000


def test_vit_to_onnx(weights, tmp_path, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    out = tmp_path / "vit.onnx"
    assert vos("-o", out, "--format", "onnx", "--weights", weights) == 0
    told = capsys.readouterr().out
    assert told.count("differs from PyTorch by") == 4
    assert "a feature each 16 pixels" in told
    session = onnxruntime.InferenceSession(str(out))
    shape = session.get_inputs()[0].shape
    assert shape[1] == 3
    assert all(isinstance(shape[i], str) for i in (0, 2, 3))


def test_cnn_to_torchscript(tmp_path):
    report = export_backbone(EfficientNetLite0(untrained=True), tmp_path / "cnn.pt", "torchscript")
    assert max(report.differences.values()) < 1e-3


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_padding_is_timms(kernel, stride):
    conv = Conv2dSame(3, 4, kernel, stride)
    network = torch.nn.Sequential(conv)
    replaced = _FeatureNetwork(network).backbone[0]
    assert isinstance(replaced, _SameConv) == (kernel >= stride)
    for size in ((8, 9), (7, 12)):
        images = torch.randn(1, 3, *size)
        torch.testing.assert_close(replaced(images), conv(images))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["onnx", "torch-export"])
def test_cnn_to_the_other_formats(tmp_path, form):
    pytest.importorskip("onnxruntime")
    report = export_backbone(EfficientNetLite0(untrained=True), tmp_path / "cnn", form)
    assert max(report.differences.values()) < 1e-3


def test_file_that_differs_is_not_written(backbone, tmp_path, monkeypatch):
    monkeypatch.setattr("vos.backbones.export._CUBIC", -0.5)
    with pytest.raises(InputError, match="gives other features than PyTorch"):
        export_backbone(backbone, tmp_path / "vit.pt", "torchscript")
    assert list(tmp_path.iterdir()) == []


def test_file_that_takes_one_size_is_not_written(backbone, tmp_path, monkeypatch):
    class Fixed(torch.nn.Module):
        def forward(self, images):
            return images.reshape(2, 3, 64, 96)

    monkeypatch.setattr("vos.backbones.export.exportable", lambda _: Fixed())
    with pytest.raises(InputError, match=r"gives other features|does not take images"):
        export_backbone(backbone, tmp_path / "vit.pt", "torchscript")
    with pytest.raises(InputError, match="cannot be exported as torch-export"):
        export_backbone(backbone, tmp_path / "vit.pt2", "torch-export")
    assert list(tmp_path.iterdir()) == []


def test_missing_package_is_named(backbone, tmp_path, monkeypatch):
    monkeypatch.setattr("vos.backbones.export.find_spec", lambda _: None)
    with pytest.raises(InputError, match="pip install onnx onnxscript"):
        export_backbone(backbone, tmp_path / "vit.onnx", "onnx")


def test_only_float32(weights, tmp_path):
    half = load_backbone(weights=weights, device="cpu", precision="bf16")
    with pytest.raises(InputError, match="in float32"):
        export_backbone(half, tmp_path / "vit.pt", "torchscript")


def test_verb(weights, tmp_path, capsys):
    out = tmp_path / "vit.pt"
    given = ["-o", out, "--format", "torchscript", "--weights", weights]
    assert vos(*given, "--no-check") == 0
    assert "not checked" in capsys.readouterr().out
    assert vos(*given) == 2
    assert "is there already" in said(capsys)
    assert vos(*given, "--overwrite") == 0
    assert vos("-o", tmp_path / "vit.bin", "--format", "onnx", "--weights", weights) == 2
    assert "ends in .onnx" in said(capsys)
    (tmp_path / "folder.pt").mkdir()
    given[1] = tmp_path / "folder.pt"
    assert vos(*given, "--overwrite") == 2
    assert "is a folder" in said(capsys)
