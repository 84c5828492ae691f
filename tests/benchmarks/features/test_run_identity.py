"""What a stopped run must share with the one that goes on with it, over versions."""

import json
from dataclasses import field, fields, make_dataclass, replace
from pathlib import Path

import pytest
import torch

from benchmarks.attention.segmentation import AttentionSegmentation
from benchmarks.classification.labelled_data import LabelledData
from benchmarks.classification.linear import Linear
from benchmarks.features.choices import LoaderOptions
from benchmarks.features.extraction import Extraction
from benchmarks.features.image_sets import ImageSet, open_images
from benchmarks.features.options import FeatureOptions
from benchmarks.features.run_identity import later_options
from benchmarks.features.transforms import ImageTransform
from benchmarks.finetuning.finetune import Finetune
from benchmarks.finetuning.recipe import Recipe
from tests.data.images import bench, picture, save_weights, write_classes, write_picture
from vos.backbones.loading import BackboneOptions, load_backbone
from vos.errors import InputError
from vos.masks.io import write_mask
from vos.runtime.distributed import Team

# Written by version 0.1, with the stand-ins of `fixed_digests` for what depends on the machine.
FINETUNE = "4ac61cd240f92e8059caf4c4157720662f638ba11c65a69a1231633791c53244"
LINEAR = "80642da1982a148a19b506215d352c2508f2f4805eeb8e9133683c29127d80ec"
ATTENTION = "2c3998d29dda0ee342a2e791faf74dfc4bab2e863bea81605cdcea05d5082b49"
EXTRACTION = "07534a6922bbf61624c3ea62ca35091980de05fbd0ff505a5b86409ee3e5c4d3"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("identity")
    write_classes(root / "train", 2)
    write_classes(root / "test", 1, start=10)
    save_weights(root / "vit.pth")
    return root


@pytest.fixture
def fixed_digests(monkeypatch):
    for module in ("benchmarks.features.extraction", "vos.backbones.backbone"):
        monkeypatch.setattr(f"{module}.weights_digest", lambda _: "weights")
    monkeypatch.setattr(ImageSet, "fingerprint", lambda _: "images")


def labelled(place, verb, *given):
    sets = ["--train", place / "train", "--test", place / "test", "--weights", place / "vit.pth"]
    common = ["--size", 32, "--epochs", 1, "--train-batch", 4, "--workers", 0, "--device", "cpu"]
    return bench(verb, *sets, *common, *given)


def test_finetune_keeps_the_identity_of_version_0_1(place, tmp_path, fixed_digests):
    assert (
        labelled(place, "finetune", "--warmup-epochs", 0, "--column", "Flowers", "-o", tmp_path)
        == 0
    )
    assert torch.load(tmp_path / "finetune.pth")["identity"] == FINETUNE


def test_linear_keeps_the_identity_of_version_0_1(place, tmp_path, fixed_digests):
    uncounted = ["--precision", "fp32", "--penalties", 0.5, "--kind", "class_last_4"]
    assert labelled(place, "linear", *uncounted, "-o", tmp_path) == 0
    assert torch.load(tmp_path / "linear.pth")["identity"] == LINEAR


def test_attention_keeps_the_identity_of_version_0_1(place, tmp_path, fixed_digests):
    write_picture(tmp_path / "JPEGImages/a.jpg", picture((90, 90, 90), 0))
    mask = torch.zeros(64, 64, dtype=torch.uint8)
    mask[16:48, 16:48] = 1
    write_mask(tmp_path / "SegmentationClass/a.png", mask.numpy())
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("a\n")
    given = ["--data", tmp_path, "-o", tmp_path / "out", "--weights", place / "vit.pth"]
    given += ["--precision", "fp32", "--device", "cpu", "--every", 2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "resolve", lambda _self, strict=False: Path("/data/VOC2012"))
        assert bench("attention-segmentation", *given) == 0
    line = (tmp_path / "out/pictures-0.jsonl").read_text()
    assert json.loads(line)["identity"] == ATTENTION


def extraction(place):
    backbone = load_backbone(weights=place / "vit.pth", precision="fp32", device="cpu")
    loader = LoaderOptions(3, 0)
    return Extraction(
        backbone, ImageTransform("crop", 32), "class", loader, place / "cache", Team()
    )


def test_extraction_keeps_the_digest_of_version_0_1(place, fixed_digests):
    assert extraction(place).digest(open_images(place / "test")) == EXTRACTION


def with_later_option(cls):
    """Return the class with one more option, as a later version would have it."""
    return make_dataclass(
        cls.__name__,
        [("later", float, field(default=0.5))],
        bases=(cls,),
        frozen=True,
        kw_only=True,
    )


def loaded(place):
    extraction = FeatureOptions(
        BackboneOptions(weights=place / "vit.pth", device="cpu", precision="fp32"),
        LoaderOptions(workers=0),
    )
    data = LabelledData(str(place / "train"), str(place / "test"))
    return {"data": data, "extraction": extraction, "size": 32}


@pytest.mark.parametrize("part", ["recipe", "verb"])
def test_finetune_goes_on_where_a_later_option_has_its_default(place, tmp_path, part):
    short = {"epochs": 1, "train_batch": 4, "warmup_epochs": 0}
    Finetune(tmp_path, recipe=Recipe(**short), **loaded(place)).run()
    verb = with_later_option(Finetune) if part == "verb" else Finetune
    recipe = with_later_option(Recipe) if part == "recipe" else Recipe
    assert verb(tmp_path, recipe=recipe(**short), **loaded(place)).run() == 0
    changed = {"later": 0.25}
    settings = verb(
        tmp_path,
        recipe=recipe(**short, **(changed if part == "recipe" else {})),
        **loaded(place),
        **(changed if part == "verb" else {}),
    )
    with pytest.raises(InputError, match="other data, weights or settings"):
        settings.run()


def test_linear_goes_on_where_a_later_option_has_its_default(place, tmp_path):
    short = {"epochs": 1, "train_batch": 4}
    Linear(tmp_path, **short, **loaded(place)).run()
    later = with_later_option(Linear)
    assert later(tmp_path, **short, **loaded(place)).run() == 0
    with pytest.raises(InputError, match="other data, weights or settings"):
        later(tmp_path, later=0.25, **short, **loaded(place)).run()


def test_attention_counts_a_later_option_where_it_is_changed(place):
    backbone = load_backbone(weights=place / "vit.pth", precision="fp32", device="cpu")
    later = with_later_option(AttentionSegmentation)
    today = AttentionSegmentation(place, place).identity(backbone)
    assert later(place, place).identity(backbone) == today
    assert later(place, place, later=0.25).identity(backbone) != today


@pytest.mark.parametrize("part", ["view", "extraction"])
def test_features_are_found_where_a_later_option_has_its_default(place, part):
    images, today = open_images(place / "test"), extraction(place)
    if part == "view":
        later = with_later_option(ImageTransform)
        same, other = (replace(today, transform=later("crop", 32, later=v)) for v in (0.5, 0.25))
    else:
        values = {f.name: getattr(today, f.name) for f in fields(today)}
        later = with_later_option(Extraction)
        same, other = (later(**values, later=v) for v in (0.5, 0.25))
    assert same.digest(images) == today.digest(images) != other.digest(images)


def test_an_option_without_a_default_always_counts():
    required = make_dataclass(
        "Options", [("b", str), ("known", int), ("a", list, field(default_factory=list))]
    )
    assert later_options(required("x", 1, []), ("known",)) == {"b": "x"}
    assert list(later_options(required("x", 1, [2]), ("known",))) == ["a", "b"]
