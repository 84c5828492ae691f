"""The benchmarks as functions: the verbs' figures, from backbones that are objects, too."""

import csv
import inspect
import io
import json

import numpy as np
import pytest

import benchmarks
from benchmarks.cli import VERBS, calls
from benchmarks.cli.calls import run_davis, run_finetune, run_knn
from tests.data.clips import Colours
from tests.data.davis import OPTIONS, bench, make_davis
from tests.data.images import save_weights, write_classes
from vos.backbones.loading import BackboneOptions, load_backbone
from vos.backbones.weights_record import network_digest
from vos.errors import InputError
from vos.masks.io import read_index_png
from vos.propagation.config import PropagationConfig

SMALL = PropagationConfig(short_side=64, size_multiple=32)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_davis(tmp_path_factory.mktemp("data") / "DAVIS", {"bear": 4, "crow": 3})


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    write_classes(root / "train", 4)
    return root / "train"


def masks_of(folder):
    paths = sorted(folder.rglob("masks/*/*.png"))
    return {str(p.relative_to(folder)): read_index_png(p) for p in paths}


def test_davis_by_name_and_by_object_are_those_of_the_verb(data, tmp_path):
    assert bench("davis", "--data", data, "-o", tmp_path / "verb", "--processes", 1, *OPTIONS) == 0
    where = {"device": "cpu", "precision": "fp32"}
    by_name = run_davis("efficientnet_lite0", data, tmp_path / "name", processes=1,
                        short_side=64, size_multiple=32, **where)  # fmt: skip
    backbone = load_backbone("efficientnet_lite0", **where)
    by_object = run_davis(backbone, data, tmp_path / "object", processes=1, propagation=SMALL)
    expected = json.loads((tmp_path / "verb" / "results.json").read_text())["global"]
    masks = masks_of(tmp_path / "verb")
    assert len(masks) == 7
    for results in (by_name, by_object):
        assert results.to_dict()["global"] == expected
        found = masks_of(results.folder)
        assert all(np.array_equal(masks[name], found[name]) for name in masks)
    record = json.loads((tmp_path / "object" / "run.json").read_text())
    assert record["settings"]["backbone"]["name"] == "efficientnet_lite0"


def test_a_run_goes_on_and_takes_the_verbs_options(data, tmp_path):
    words = {"processes": 1, "propagation": SMALL, "sequences": ("bear",)}
    first = run_davis(Colours(), data, tmp_path / "run", **words)
    again = run_davis(Colours(), data, str(tmp_path / "run"), **words)
    assert [s["name"] for s in again.to_dict()["sequences"]] == ["bear"]
    assert first.to_dict()["global"] == again.to_dict()["global"]
    with pytest.raises(InputError, match="other settings"):
        run_davis(Colours(), data, tmp_path / "run", processes=1, short_side=96)


def test_results_have_a_short_form_and_csv(data, tmp_path):
    results = run_davis(Colours(), data, tmp_path / "run", processes=1, propagation=SMALL)
    figures = [round(100 * results.to_dict()["global"][f"{m}-Mean"], 1) for m in ("J&F", "J", "F")]
    shown = ", ".join(f"{m} {f:.1f}" for m, f in zip(("J&F", "J", "F"), figures, strict=True))
    assert repr(results) == f"<vos-bench davis: {shown}; {tmp_path / 'run'}>"
    text = results.to_csv(tmp_path / "results.csv")
    assert (tmp_path / "results.csv").read_text() == text
    header, row = csv.reader(io.StringIO(text))
    assert header[:2] == ["name", "kind"]
    assert row[:2] == ["colours", "run"]
    assert round(float(row[2]), 1) == figures[0]
    changed = results.to_dict()
    changed["global"].clear()
    assert results.to_dict()["global"]


def test_knn_takes_a_backbone_and_an_object_of_options(pictures, tmp_path):
    options = {"train_per_class": 2, "k": [1, 3], "size": 64, "workers": 0}
    one = run_knn(Colours(), pictures, tmp_path / "one", **options)
    assert [score["k"] for score in one.to_dict()["results"]["accuracy"]] == [1, 3]
    record = json.loads((tmp_path / "one" / "run.json").read_text())
    assert record["settings"]["weights"]["name"] == "colours"
    assert record["settings"]["extraction"]["backbone"]["given"] == "colours"
    chosen = BackboneOptions(backbone="efficientnet_lite0", untrained=True, device="cpu")
    two = run_knn(chosen, pictures, tmp_path / "two", **options)
    assert "untrained" in two.to_csv()


def test_finetuning_leaves_the_given_backbone(pictures, tmp_path):
    weights = save_weights(tmp_path / "vit.pth", depth=1)
    backbone = load_backbone(weights=weights, device="cpu", precision="fp32")
    before = network_digest(backbone.network)
    options = {"train_per_class": 2, "size": 32, "workers": 0, "epochs": 1, "train_batch": 4}
    results = run_finetune(backbone, pictures, tmp_path / "run", **options)
    assert results.to_dict()["results"]["classes"] == 3
    assert network_digest(backbone.network) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"no_such_option": 1}, "no options of vos-bench davis"),
        ({"short_side": "large"}, "no options of vos-bench davis"),
        ({"precision": "fp32"}, "precision is an option of a backbone's name"),
        ({"set": "absent"}, "absent"),
        ({"preset": "absent"}, "absent"),
    ],
)
def test_what_the_verb_refuses_is_refused(data, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        run_davis(Colours(), data, tmp_path / "run", **options)


def test_something_that_is_no_backbone_is_named(data, tmp_path):
    with pytest.raises(InputError, match="int"):
        run_davis(7, data, tmp_path / "run")


def test_a_sequence_that_fails_is_no_result(data, tmp_path):
    class Broken(Colours):
        def block_features(self, images, numbers):
            raise ValueError("no features")

    with pytest.raises(RuntimeError, match=r"run\.json says what failed"):
        run_davis(Broken(), data, tmp_path / "run", processes=1)


def test_every_benchmark_of_a_backbone_has_a_function():
    others = {"all", "throughput", "compare", "table", "sweep", "speed", "speed-scoring", "slurm"}
    verbs = {verb.name for verb in VERBS} - others
    functions = {name for name in benchmarks.__all__ if name.startswith("run_")}
    assert functions == {f"run_{verb.replace('-', '_')}" for verb in verbs}
    for name in functions:
        function = getattr(benchmarks, name)
        assert function is getattr(calls, name)
        assert list(inspect.signature(function).parameters)[0::2] == ["backbone", "out"]
    with pytest.raises(AttributeError, match="no attribute 'run_nothing'"):
        _ = benchmarks.run_nothing
