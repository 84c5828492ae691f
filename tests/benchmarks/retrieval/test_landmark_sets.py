import pickle

import numpy as np
import pytest

from benchmarks.retrieval.landmark_sets import open_landmarks
from tests.data.images import bench, said
from tests.data.landmarks import write_dataset


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--workers", 0, "--size", 96]


def test_queries_are_cropped_to_their_boxes(tmp_path):
    write_dataset(tmp_path)
    whole = open_landmarks(tmp_path, "roxford5k", crop_queries=False).queries
    cropped = open_landmarks(tmp_path, "roxford5k", crop_queries=True).queries
    assert whole.pixels(1).shape == (64, 96, 3)
    assert cropped.pixels(1).shape == (64, 64, 3)
    np.testing.assert_array_equal(cropped.pixels(1), whole.pixels(1)[:, :64])
    assert whole.fingerprint() != cropped.fingerprint()


def change(held, **parts):
    held["gnd"][0] = {**held["gnd"][0], **parts}
    return held


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (lambda held: change(held, easy=np.array([6])), "names image 6 of a database of 6"),
        (lambda held: {**held, "qimlist": held["qimlist"][:2]}, "2 queries, but truth for 3"),
        (lambda held: {k: v for k, v in held.items() if k != "gnd"}, "lacks 'gnd'"),
        (lambda held: [held], "expected a dict"),
        (lambda held: {**held, "qimlist": [], "gnd": []}, "lists no images, or no queries"),
        (lambda held: {**held, "imlist": ["absent", *held["imlist"][1:]]}, "absent.jpg"),
        (lambda held: change(held, bbx=[90, 0, 90, 64]), "is empty"),
    ],
)
def test_truth_that_is_wrong(tmp_path, weights, capsys, alter, told):
    held = alter(write_dataset(tmp_path))
    (tmp_path / "roxford5k/gnd_roxford5k.pkl").write_bytes(pickle.dumps(held))
    arguments = ["--root", tmp_path, "--datasets", "roxford5k", "-o", tmp_path / "out"]
    assert bench("retrieval", *arguments, "--crop-queries", *options(weights)) == 2
    assert told in said(capsys)


def test_missing_truth(tmp_path, weights, capsys):
    assert bench("retrieval", "--root", tmp_path, "-o", tmp_path / "o", *options(weights)) == 2
    assert "no truth" in said(capsys)
    (tmp_path / "roxford5k").mkdir()
    (tmp_path / "roxford5k/gnd_roxford5k.json").write_text("{")
    assert bench("retrieval", "--root", tmp_path, "-o", tmp_path / "o", *options(weights)) == 2
    assert "is not JSON" in said(capsys)
