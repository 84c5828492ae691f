import os
import subprocess
import sys
import warnings
from dataclasses import replace

import pytest
import torch

from benchmarks.features.choices import LoaderOptions
from benchmarks.features.descriptors import describe_images
from benchmarks.features.extraction import Extraction, scaled
from benchmarks.features.image_sets import open_images
from benchmarks.features.transforms import transform_for
from tests.data.images import bench, save_weights, write_classes
from vos.errors import InputError
from vos.runtime.distributed import Team


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_classes(tmp_path_factory.mktemp("images"), 3)


@pytest.fixture
def extraction(backbone, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.features.extraction.CHUNK", 4)
    transform = transform_for(backbone, "crop", 64)
    return Extraction(backbone, transform, "class", LoaderOptions(3, 0), tmp_path / "cache", Team())


class Counting:
    """Counts the images that a backbone sees."""

    def __init__(self, monkeypatch):
        self.images = 0

        def counted(backbone, inputs, kind):
            self.images += len(inputs)
            return describe_images(backbone, inputs, kind)

        monkeypatch.setattr("benchmarks.features.extraction.describe_images", counted)


def test_features_are_those_of_each_image(extraction, folder, backbone):
    images = open_images(folder)
    features = extraction(images, "images")
    assert features.shape == (9, 64)
    one = describe_images(backbone, extraction.transform(images.pixels(7))[None], "class")
    torch.testing.assert_close(features[7:8], one)


def test_kept_features_are_not_computed_again(extraction, folder, monkeypatch):
    counting = Counting(monkeypatch)
    images = open_images(folder)
    first = extraction(images, "images")
    assert counting.images == 9
    assert torch.equal(extraction(images, "images"), first)
    assert counting.images == 9


def test_stopped_run_goes_on(extraction, folder, monkeypatch):
    images = open_images(folder)
    calls = iter(range(100))

    def stops(backbone, inputs, kind):
        if next(calls) == 3:
            raise KeyboardInterrupt
        return describe_images(backbone, inputs, kind)

    monkeypatch.setattr("benchmarks.features.extraction.describe_images", stops)
    with pytest.raises(KeyboardInterrupt):
        extraction(images, "images")
    counting = Counting(monkeypatch)
    assert extraction(images, "images").shape == (9, 64)
    assert counting.images == 5  # the first chunk of four was kept


@pytest.mark.parametrize("damage", ["cut", "bit", "foreign"])
def test_damaged_chunk_is_computed_again(extraction, folder, monkeypatch, damage):
    images = open_images(folder)
    first = extraction(images, "images")
    chunks = sorted(extraction.cache.rglob("chunk-*.safetensors"))
    data = bytearray(chunks[1].read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "bit":
        data[-3] ^= 1
    else:
        data = bytearray(chunks[0].read_bytes())  # of the right size, and whole
    chunks[1].write_bytes(data)
    counting = Counting(monkeypatch)
    with pytest.warns(UserWarning, match="damaged"):
        again = extraction(images, "images")
    assert counting.images == 4
    assert torch.equal(again, first)


def test_what_features_depend_on_is_in_the_digest(extraction, folder, backbone, tmp_path):
    images = open_images(folder)
    digests = {
        extraction.digest(images),
        extraction.digest(images.subset([1, 0])),
        replace(extraction, kind="class_mean").digest(images),
        replace(extraction, multi_scale=True).digest(images),
        replace(extraction, transform=transform_for(backbone, "square", 64)).digest(images),
        replace(extraction, transform=transform_for(backbone, "crop", 32)).digest(images),
    }
    other = write_classes(tmp_path / "other", 3)
    before = extraction.digest(open_images(other))
    os.utime(other / "red" / "0.png", (1, 1))
    digests |= {before, extraction.digest(open_images(other))}
    assert len(digests) == 8


def test_multi_scale_is_the_mean_of_three_sizes(extraction, folder, backbone):
    images = open_images(folder)
    many = replace(extraction, multi_scale=True)
    features = many(images, "images")
    inputs = many.transform(images.pixels(0))[None]
    sizes = [inputs, scaled(inputs, 2**-0.5)[..., :32, :32], scaled(inputs, 0.5)]
    mean = sum(describe_images(backbone, x, "class") for x in sizes)
    torch.testing.assert_close(features[:1], mean / mean.norm())
    assert scaled(inputs, 2**-0.5).shape[-1] == 45  # cut to two patches of 16


def test_broken_image_is_named(extraction, tmp_path):
    root = write_classes(tmp_path / "images", 1)
    (root / "red" / "0.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"red/0.png cannot be read"):
        extraction(open_images(root), "images")


def test_folder_that_cannot_be_made(extraction, folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        replace(extraction, cache=tmp_path / "file")(open_images(folder), "images")


def test_processes_share_the_work(folder, tmp_path):
    weights = save_weights(tmp_path / "vit.pth")
    script = (
        "import benchmarks.features.extraction as e; e.CHUNK = 2; "
        "from vos.cli.verbs import Verb, run_verbs; import sys; "
        "knn = Verb('knn', '', 'benchmarks.classification.knn:Knn'); "
        "sys.exit(run_verbs('b', '', [knn], sys.argv[1:]))"
    )
    (tmp_path / "bench.py").write_text(script)
    run = ["knn", "--train", str(folder), "--train-per-class", "2", "--weights", str(weights)]
    run += ["--size", "64", "--workers", "0", "--k", "2", "--precision", "fp32"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launch += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    both = [*launch, str(tmp_path / "bench.py"), *run, "-o", str(tmp_path / "two")]
    done = subprocess.run(both, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("top-1   top-5") == 1
    assert bench(*run, "-o", tmp_path / "one") == 0
    one, two = ((tmp_path / n / "results.json").read_text() for n in ("one", "two"))
    assert one == two
    chunks = sorted(p.name for p in (tmp_path / "two" / "features").rglob("*.safetensors"))
    assert len(chunks) == 3 + 2


def test_no_warning_on_a_clean_run(extraction, folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extraction(open_images(folder), "images")
