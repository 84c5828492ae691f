"""Backbones in ONNX files: the masks are PyTorch's, and what cannot be used is refused."""

import sys
import zipfile

import numpy as np
import pytest
import torch

from tests.data.clips import FRAMES, picture, write_picture
from vos.backbones.adapters.onnx_file import OnnxBackbone, OnnxMetadata
from vos.backbones.efficientnet_lite0 import EfficientNetLite0
from vos.backbones.export import export_backbone
from vos.backbones.loading import as_backbone, load_backbone
from vos.backbones.weights_record import network_digest
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.errors import InputError
from vos.masks.io import write_mask
from vos.propagation.config import PropagationConfig
from vos.propagation.propagator import LabelPropagator

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
CONFIG = PropagationConfig(short_side=0, size_multiple=8)


@pytest.fixture(scope="module")
def network():
    return load_backbone("efficientnet_lite0", device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "lite0.onnx"
    export_backbone(network, path, "onnx", check=False)
    return path


@pytest.fixture(scope="module")
def exported(file):
    return load_backbone(str(file), device="cpu", precision="fp32")


def changed(file, folder, **properties):
    """The same file with other metadata; None leaves one out."""
    model = onnx.load(str(file))
    known = {p.key: p.value for p in model.metadata_props} | properties
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {k: v for k, v in known.items() if v is not None})
    onnx.save(model, str(folder / "changed.onnx"))
    return folder / "changed.onnx"


def small(folder, *, channels=3, stride=8, inputs=("images",), kind=None):
    """A file with one convolution and the metadata of a network with stride 8."""
    helper, kind = onnx.helper, kind or onnx.TensorProto.FLOAT
    weights = np.ones((4, channels, stride, stride), np.float32)
    tensor = onnx.numpy_helper.from_array(weights, "weights")
    shape = [None, channels, None, None]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["images", "weights"], ["features"], strides=[stride] * 2)],
        "small",
        [helper.make_tensor_value_info(name, kind, shape) for name in inputs],
        [helper.make_tensor_value_info("features", kind, [None, 4, None, None])],
        [tensor],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    about = OnnxMetadata("small", 8, (0.5,) * 3, (0.5,) * 3, True)
    helper.set_model_props(model, about.properties())
    onnx.save(model, str(folder / "small.onnx"))
    return folder / "small.onnx"


def masks_of(backbone):
    tracker = LabelPropagator(backbone, CONFIG)
    first = picture(0)[1]
    clip = [picture(number)[0] for number in range(FRAMES)]
    return [tracker.step(frame, None if n else first) for n, frame in enumerate(clip)]


def test_numbers_are_those_of_the_network(network, exported, file):
    for name in ("stride", "dim", "mean", "std", "needs_whole_patches"):
        assert getattr(exported, name) == getattr(network, name), name
    about = exported.describe()
    assert (about["name"], about["layout"]) == ("efficientnet_lite0", "onnx")
    assert about["source"] == str(file) and len(about["sha256"]) == 64


def test_features_are_those_of_pytorch(network, exported):
    images = torch.cat([network.preprocess(picture(n)[0], short_side=0) for n in range(2)])
    difference = (network(images) - exported(images)).abs().max()
    assert difference < 1e-4 * network(images).abs().max()
    patches = exported.features(np.stack([picture(0)[0]] * 2), short_side=0).patches
    assert patches.shape[:3] == (2, 1, 152)


def test_masks_are_those_of_pytorch(network, exported):
    shares = []
    for mine, expected in zip(masks_of(exported), masks_of(network), strict=True):
        for number in (3, 9):
            one, two = mine == number, expected == number
            shares.append((one & two).sum() / (one | two).sum())
    assert min(shares) > 0.999


def test_vos_segment_takes_a_file(file, tmp_path, capsys):
    (tmp_path / "frames").mkdir()
    for number in range(3):
        write_picture(tmp_path / "frames" / f"{number}.png", picture(number)[0])
    write_mask(tmp_path / "mask.png", picture(0)[1])
    words = ["segment", tmp_path / "frames", "--mask", tmp_path / "mask.png"]
    words += ["-o", tmp_path / "out", "--backbone", file, "--no-overlay", "--precision", "fp32"]
    assert run_verbs("vos", "", VERBS, list(map(str, words))) == 0, capsys.readouterr().err
    assert len(list((tmp_path / "out" / "masks").glob("*.png"))) == 3


def test_weights_may_name_a_file(file):
    assert isinstance(load_backbone(weights=file, device="cpu"), OnnxBackbone)
    assert isinstance(as_backbone(str(file)), OnnxBackbone)


def test_files_differ_where_weights_are_compared(exported, file, tmp_path):
    other = OnnxBackbone(changed(file, tmp_path, name="other"))
    assert other.record.name == "other"
    assert network_digest(other.network) != network_digest(exported.network)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"stride": None, "mean": None}, "does not say its stride, mean"),
        ({"stride": "eight"}, "says stride 'eight'"),
        ({"stride": "0"}, "expected a whole number of pixels"),
        ({"std": "[1, 1]"}, "three numbers each"),
        ({"std": "[1, 1, 0]"}, "the std above 0"),
        ({"mean": "[NaN, 0, 0]"}, "three numbers each"),
        ({"mean": "7"}, "three numbers each"),
        ({"stride": "16"}, "with its stride of 16"),
    ],
)
def test_metadata_that_are_wrong_are_refused(file, tmp_path, properties, message):
    with pytest.raises(InputError, match=message):
        OnnxBackbone(changed(file, tmp_path, **properties))


def test_a_network_of_other_inputs_is_refused(tmp_path):
    assert OnnxBackbone(small(tmp_path)).dim == 4
    with pytest.raises(InputError, match="takes 2 inputs"):
        OnnxBackbone(small(tmp_path, inputs=("images", "more")))
    with pytest.raises(InputError, match=r"tensor\(double\)|cannot be read"):
        OnnxBackbone(small(tmp_path, kind=onnx.TensorProto.DOUBLE))
    with pytest.raises(InputError, match="does not take images"):
        OnnxBackbone(small(tmp_path, channels=5))
    with pytest.raises(InputError, match="with its stride of 8"):
        OnnxBackbone(small(tmp_path, stride=4))


def test_files_that_are_no_onnx_are_refused(file, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_backbone(str(tmp_path / "missing.onnx"))
    whole = file.read_bytes()
    (tmp_path / "short.onnx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.onnx").write_bytes(b"")
    zipfile.ZipFile(tmp_path / "zip.onnx", "w").close()
    for name in ("short", "empty", "zip"):
        with pytest.raises(InputError, match=r"cannot be read as ONNX|takes 0 inputs"):
            OnnxBackbone(tmp_path / f"{name}.onnx")


def test_onnxruntime_that_is_missing_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"pip install onnxruntime, or vos-toolkit\[export\]"):
        OnnxBackbone(file)


def test_options_that_a_file_excludes_are_refused(file, tmp_path):
    with pytest.raises(InputError, match="holds the network and its weights"):
        load_backbone(str(file), untrained=True)
    with pytest.raises(InputError, match="holds the network and its weights"):
        load_backbone(str(file), weights=tmp_path / "a.pth")
    with pytest.raises(InputError, match="an exported file already"):
        export_backbone(load_backbone(str(file), device="cpu", precision="fp32"),
                        tmp_path / "again.onnx", "onnx")  # fmt: skip


def test_metadata_come_back():
    about = OnnxMetadata.of(EfficientNetLite0(untrained=True))
    assert OnnxMetadata.read(about.properties(), "file.onnx") == about
