"""The feature cache: the same features, computed once, and no entry trusted by its name."""

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from vos.backbones.backbone import Backbone
from vos.backbones.loading import load_backbone
from vos.backbones.weights_record import WeightsRecord
from vos.errors import InputError
from vos.features.cache import CachedBackbone
from vos.propagation.config import PropagationConfig
from vos.propagation.propagator import LabelPropagator
from vos.runtime.devices import resolve_precision

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def backbone():
    return load_backbone("efficientnet_lite0", untrained=True, device="cpu", precision="fp32")


@pytest.fixture
def images():
    return torch.randn(3, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def entries(folder):
    return sorted(folder.rglob("*.safetensors"))


def test_features_are_the_same_to_the_bit_and_computed_once(backbone, images, tmp_path):
    expected = torch.cat([backbone(image[None]) for image in images])
    first = CachedBackbone(backbone, tmp_path)
    assert torch.equal(torch.cat([first(image[None]) for image in images]), expected)
    assert (first.found, first.computed) == (0, 3)
    again = CachedBackbone(backbone, tmp_path)
    assert torch.equal(again(images), expected)
    assert (again.found, again.computed) == (3, 0)
    assert again.describe() == backbone.describe()


def test_a_batch_computes_what_is_absent_alone(backbone, images, tmp_path):
    CachedBackbone(backbone, tmp_path)(images[1:2])
    cached = CachedBackbone(backbone, tmp_path)
    together = cached(images)
    assert (cached.found, cached.computed) == (1, 2)
    torch.testing.assert_close(together, backbone(images), rtol=1e-4, atol=1e-5)


def test_shorter_storage_rounds_once_and_says_so(backbone, images, tmp_path):
    first = CachedBackbone(backbone, tmp_path, "bf16")
    features = first(images)
    assert features.dtype == torch.float32
    assert torch.equal(features, backbone(images).bfloat16().float())
    assert torch.equal(CachedBackbone(backbone, tmp_path, "bf16")(images), features)
    assert first.describe()["stored_precision"] == "bf16"
    assert load_file(entries(tmp_path)[0])["features"].dtype == torch.bfloat16


@pytest.mark.parametrize("storage", ["own", "bf16"])
def test_other_pixels_sizes_and_weights_are_other_entries(backbone, images, tmp_path, storage):
    CachedBackbone(backbone, tmp_path, storage)(images[:1])
    changed = images[:1].clone()
    changed[0, 0, 0, 0] += 1e-3
    for other in (changed, images[:1, :, :32]):
        cached = CachedBackbone(backbone, tmp_path, storage)
        cached(other)
        assert cached.computed == 1
    trained = load_backbone("efficientnet_lite0", device="cpu", precision="fp32")
    cached = CachedBackbone(trained, tmp_path, storage)
    assert torch.allclose(cached(images[:1]), trained(images[:1]), atol=0.5)
    assert cached.computed == 1


def test_precisions_do_not_mix(backbone, images, tmp_path):
    CachedBackbone(backbone, tmp_path)(images)
    cached = CachedBackbone(backbone, tmp_path, "bf16")
    cached(images)
    assert cached.computed == 3


def _cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _no_header(path):
    save_file(load_file(path), path)


@pytest.mark.parametrize(
    "damage", [_cut, _flip, _no_header, lambda path: path.write_text("no tensors")]
)
def test_damaged_entries_are_computed_again(backbone, images, tmp_path, damage):
    expected = CachedBackbone(backbone, tmp_path)(images[:1])
    damage(entries(tmp_path)[0])
    repaired = CachedBackbone(backbone, tmp_path)
    assert torch.equal(repaired(images[:1]), expected)
    assert repaired.computed == 1
    assert torch.equal(CachedBackbone(backbone, tmp_path)(images[:1]), expected)


def test_an_entry_under_anothers_name_is_not_believed(backbone, images, tmp_path):
    CachedBackbone(backbone, tmp_path)(images[:2])
    first, second = entries(tmp_path)
    first.write_bytes(second.read_bytes())
    cached = CachedBackbone(backbone, tmp_path)
    torch.testing.assert_close(cached(images[:2]), backbone(images[:2]), rtol=1e-4, atol=1e-5)
    assert cached.computed == 1


def test_a_disk_that_takes_no_more_is_said_once(backbone, images, tmp_path, monkeypatch):
    cached = CachedBackbone(backbone, tmp_path)

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vos.features.cache.save_file", full)
    with pytest.warns(UserWarning, match="No space left") as warned:
        features = cached(images)
    assert len(warned) == 1
    assert torch.equal(features, backbone(images))
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_folder_that_cannot_be_made_is_refused(backbone, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="feature cache"):
        CachedBackbone(backbone, tmp_path / "file" / "cache")


def test_a_tracker_gives_the_same_masks_with_it(backbone, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), np.uint8)
    prompt = np.zeros((64, 96), np.uint8)
    prompt[16:48, 16:64] = 3

    def masks(extractor):
        tracker = LabelPropagator(extractor, PropagationConfig(short_side=64))
        return [tracker.step(frame, None if t else prompt) for t, frame in enumerate(frames)]

    expected = masks(backbone)
    for _ in range(2):
        cached = CachedBackbone(backbone, tmp_path)
        assert np.array_equal(masks(cached), expected)
    assert cached.found == 3


class Fixed(Backbone):
    """A network whose weights, and so whose digests, are the same everywhere."""

    def __init__(self):
        network = nn.Conv2d(3, 4, 8, 8, bias=False)
        network.weight.data = torch.arange(768.0).view(4, 3, 8, 8).remainder(7) - 3
        record = WeightsRecord("fixed", "test", None, "none")
        super().__init__(network, stride=8, dim=4, mean=(0.5,) * 3, std=(0.25,) * 3, record=record)

    def block_features(self, images, numbers):
        return [(self.network(images), None)]


@pytest.mark.parametrize(
    ("precision", "in_16_bits", "storage", "name"),
    [
        ("fp32", True, "own",
         "d6bafdd8f070e3ab/eca0cbbda538c01840e57a691d04ec82fa0be769b1f72a629c01918b72914fc1"),
        ("bf16", True, "own",
         "e30c5aea8db8490b/a42b5bc70d80545eb5f1276a32595ed69084c2337fe1452324d729a37e9a980c"),
        ("bf16", False, "own",
         "9c5f444e5006c036/ff06e1c527c77ba30c34f7304dd9b4c7564f24e47b96f260eefee7726781a805"),
        ("fp32", True, "bf16",
         "7ac5000055eff9a9/accf5db24fa0c25081e040de3b562ee2f105a380083ba6fa78085a60b905114c"),
    ],
)  # fmt: skip
def test_entries_of_version_0_1_stay_valid(tmp_path, precision, in_16_bits, storage, name):
    folder, key = name.split("/")
    backbone = Fixed()
    backbone.computes_in_16_bits = in_16_bits
    backbone.place(CPU, resolve_precision(precision, CPU))
    image = torch.arange(3 * 16 * 24.0).view(1, 3, 16, 24).remainder(5) - 2
    CachedBackbone(backbone, tmp_path, storage)(image)
    (entry,) = entries(tmp_path)
    assert entry == tmp_path / folder / key[:2] / f"{key}.safetensors"
    with safe_open(entry, framework="pt") as handle:
        assert handle.metadata().keys() == {"key", "sha256"}
        assert handle.metadata()["key"] == key
        assert handle.get_tensor("features").shape == (4, 2, 3)
    again = CachedBackbone(backbone, tmp_path, storage)
    again(image)
    assert again.found == 1
