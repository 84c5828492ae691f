import json
import os
import pickle
from collections import OrderedDict

import cv2
import numpy as np
import pytest
import torch

from benchmarks.retrieval.average_precision import average_precision
from benchmarks.retrieval.landmark_sets import open_landmarks
from benchmarks.retrieval.plain_pickle import read_plain_pickle
from benchmarks.retrieval.rankings import Truth, rank_database, score_rankings
from tests.data.images import COLOURS, bench, picture, said, save_weights, write_picture
from vos.errors import InputError


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return save_weights(tmp_path_factory.mktemp("weights") / "vit.pth")


def truth(easy=(), hard=(), junk=()):
    return Truth(*(np.array(part, dtype=np.int64) for part in (easy, hard, junk)))


def write_dataset(root, name="roxford5k", suffix="pkl"):
    """Two images of each colour as database, one query a colour; returns the truth's contents."""
    held = {"imlist": [], "qimlist": [], "gnd": []}
    for place, (colour, rgb) in enumerate(COLOURS.items()):
        for number in range(2):
            held["imlist"].append(f"{colour}_{number}")
            write_picture(root / name / "jpg" / f"{colour}_{number}.jpg", picture(rgb, number))
        held["qimlist"].append(f"ask_{colour}")
        pixels = np.full((64, 96, 3), 128, np.uint8)
        pixels[:, :64] = picture(rgb, 9)
        write_picture(root / name / "jpg" / f"ask_{colour}.jpg", pixels)
        found = {"easy": np.array([2 * place]), "hard": np.array([2 * place + 1]), "junk": []}
        held["gnd"].append({**found, "bbx": [0.0, 0.0, 64.0, 64.0]})
    target = root / name / f"gnd_{name}.{suffix}"
    if suffix == "pkl":
        target.write_bytes(pickle.dumps(held, protocol=2))
    else:
        lists = [
            {k: [float(x) if k == "bbx" else int(x) for x in v] for k, v in g.items()}
            for g in held["gnd"]
        ]
        target.write_text(json.dumps({**held, "gnd": lists}))
    return held


def test_ap_by_hand():
    # Positives at places 0 and 2 of three: trapezoids (1 + 1)/2 and (1/2 + 2/3)/2, over 2.
    assert average_precision([0, 2], 2) == pytest.approx((1 + 7 / 12) / 2)
    assert average_precision([], 4) == 0
    with pytest.raises(ValueError, match="2 places for 1"):
        average_precision([0, 1], 1)


def test_protocols_by_hand():
    # One query; the database in rank order is 4 (junk), 2 (easy), 0 (nothing), 1 (hard), 3.
    ranking = np.array([[4], [2], [0], [1], [3]])
    wanted = [truth(easy=[2], hard=[1], junk=[4])]
    medium = score_rankings(ranking, wanted, "medium", (1, 2, 3, 10))
    # Without the junk: places 0 and 2 of 4.
    assert medium.mean_ap == pytest.approx((1 + 7 / 12) / 2)
    # mP@10 looks no further than the last positive, at the third place.
    assert medium.precision_at == pytest.approx({1: 1, 2: 1 / 2, 3: 2 / 3, 10: 2 / 3})
    hard = score_rankings(ranking, wanted, "hard", (1, 5))
    # Junk and easy go: the hard one is second, (0 + 1/2)/2.
    assert hard.mean_ap == pytest.approx(0.25)
    assert hard.precision_at == pytest.approx({1: 0, 5: 1 / 2})


def test_queries_without_positives_are_left_out():
    ranking = rank_database(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32))
    score = score_rankings(ranking, [truth(easy=[0]), truth(hard=[1])], "hard")
    assert score.aps == [None, 1.0]
    assert score.mean_ap == 1
    with pytest.raises(InputError, match="no query has a positive"):
        score_rankings(ranking, [truth(easy=[0]), truth()], "hard")


def test_truth_that_does_not_fit():
    ranking = rank_database(np.zeros((2, 1), np.float32))
    with pytest.raises(InputError, match="the database of 2 lacks"):
        score_rankings(ranking, [truth(easy=[5])], "medium")
    with pytest.raises(InputError, match="1 queries were ranked"):
        score_rankings(ranking, [truth(), truth()], "medium")


def test_ties_keep_the_databases_order():
    assert rank_database(np.zeros((4, 1), np.float32))[:, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("number", [np.int64(3), np.float32(1.5), 7])
def test_plain_pickles_of_all_protocols(tmp_path, protocol, number):
    held = {"a": np.arange(3), "b": [np.array([[1.5, 2]]), "text", number], "c": (b"x", None, True)}
    held["d"] = np.array(["one", "two"])
    held["e"] = np.asfortranarray([[1, 2], [3, 4]])
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(held, protocol=protocol))
    read = read_plain_pickle(tmp_path / "x.pkl")
    assert read == {
        "a": [0, 1, 2],
        "b": [[[1.5, 2.0]], "text", number],
        "c": [b"x", None, True],
        "d": ["one", "two"],
        "e": [[1, 2], [3, 4]],
    }


class Malicious:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_malicious_pickles_run_nothing(tmp_path):
    mark, path = tmp_path / "mark", tmp_path / "gnd.pkl"
    for bad in (
        Malicious(os.system, f"touch {mark}"),
        Malicious(eval, f"open({str(mark)!r}, 'w')"),
        Malicious(exec, f"open({str(mark)!r}, 'w')"),
        Malicious(getattr, "a", "upper"),
        Malicious(np.load, "x"),
        {"gnd": [Malicious(open, str(mark), "w")]},
    ):
        path.write_bytes(pickle.dumps(bad))
        with pytest.raises(InputError, match=r"was not run"):
            read_plain_pickle(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "value",
    [
        OrderedDict(a=1),
        np.array([OrderedDict()], dtype=object),
        np.zeros(2, dtype=[("a", "i4")]),
        np.ma.array([1]),
        {1, 2},
        Malicious(np.ndarray, (3,)),
    ],
    ids=["class", "objects", "fields", "subclass", "set", "call"],
)
def test_what_is_not_plain_is_refused(tmp_path, value):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value, protocol=4))
    with pytest.raises(InputError):
        read_plain_pickle(tmp_path / "x.pkl")


def test_codec_that_is_not_latin1_is_refused(tmp_path):
    import _codecs

    (tmp_path / "x.pkl").write_bytes(pickle.dumps(Malicious(_codecs.encode, "a", "rot13")))
    with pytest.raises(InputError, match="codec"):
        read_plain_pickle(tmp_path / "x.pkl")


def test_cut_off_pickle(tmp_path):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": [1, 2]})[:-3])
    with pytest.raises(InputError, match="cannot be read as a pickle"):
        read_plain_pickle(tmp_path / "x.pkl")


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--workers", 0, "--size", 96]


@pytest.mark.parametrize("suffix", ["pkl", "json"])
def test_verb(tmp_path, weights, capsys, suffix):
    write_dataset(tmp_path, suffix=suffix)
    arguments = ["retrieval", "--root", tmp_path, "--datasets", "roxford5k", *options(weights)]
    assert bench(*arguments, "--crop-queries", "-o", tmp_path / "out") == 0
    held = json.loads((tmp_path / "out/results.json").read_text())
    assert held["table"] == "Table 3"
    assert held["results"]["roxford5k"]["medium"]["mean_ap"] == 1
    assert held["results"]["roxford5k"]["hard"]["precision_at"]["1"] == 1
    assert held["rows"][0]["figures"] == [100, 100, None, None]
    assert "roxford5k medium: mAP 100.00" in capsys.readouterr().out


def test_set_without_a_published_column(tmp_path, weights):
    write_dataset(tmp_path, name="mine", suffix="json")
    arguments = ["retrieval", "--root", tmp_path, "--datasets", "mine", *options(weights)]
    assert bench(*arguments, "--crop-queries", "-o", tmp_path / "out") == 0
    (row,) = json.loads((tmp_path / "out/results.json").read_text())["rows"]
    assert row["name"].endswith("mine: M 100.0, H 100.0")
    assert row["figures"] == [None] * 4


def test_multi_scale_gives_other_features(tmp_path, weights):
    write_dataset(tmp_path)
    arguments = ["retrieval", "--root", tmp_path, "--datasets", "roxford5k", *options(weights)]
    assert bench(*arguments, "--multi-scale", "-o", tmp_path / "out") == 0
    assert bench(*arguments, "-o", tmp_path / "out") == 0
    assert len(list((tmp_path / "out/features").iterdir())) == 4


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


def test_image_smaller_than_a_patch(tmp_path, weights, capsys):
    write_dataset(tmp_path)
    cv2.imwrite(str(tmp_path / "roxford5k/jpg/red_0.jpg"), np.zeros((4, 40, 3), np.uint8))
    arguments = ["--root", tmp_path, "--datasets", "roxford5k", "-o", tmp_path / "out"]
    assert bench("retrieval", *arguments, *options(weights)) == 2
    assert "smaller than a patch" in said(capsys)


def test_rows_are_normalised_before_they_are_compared():
    from benchmarks.retrieval.landmark_scores import evaluate_landmarks
    from benchmarks.retrieval.landmark_sets import Landmarks

    database = torch.tensor([[10.0, 10.0], [0.1, 0.0], [9.0, 10.0]])
    landmarks = Landmarks("x", None, None, (truth(easy=[0], hard=[1]),))
    scores = evaluate_landmarks(database, torch.tensor([[3.0, 0.0]]), landmarks)
    assert scores["hard"].mean_ap == 1
