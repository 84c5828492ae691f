"""The published implementation's numbers for frozen features, and the same by hand."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.classification.knn_voting import knn_accuracy
from benchmarks.features.descriptors import copy_descriptor
from benchmarks.retrieval.average_precision import average_precision
from benchmarks.retrieval.rankings import Truth, rank_database, score_rankings
from benchmarks.retrieval.whitening import learn_whitening
from vos.features.attention import top_mass

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
ROOT = Path(
    os.environ.get(
        "VOS_REFERENCE_DIR", Path(os.environ.get("VOS_SHARED_DATA", SHARED)) / "reference"
    )
)
FILES = sorted(ROOT.glob("frozen_feature_evals*.npz"))


@pytest.fixture(params=[f.name for f in FILES] or ["frozen_feature_evals.npz"])
def reference(request, reference_dir):
    with np.load(reference_dir / request.param, allow_pickle=False) as held:
        yield {key: held[key] for key in held.files}


def test_every_key_is_looked_at(reference):
    known = ("knn_", "ret_", "copy_", "pca_", "attention", "gem_")
    assert [key for key in reference if not key.startswith(known)] == []


def test_knn(reference):
    ks = reference["knn_k"].tolist()
    scores = knn_accuracy(
        *(
            torch.from_numpy(reference[f"knn_{name}"])
            for name in ("train_features", "train_labels", "test_features", "test_labels")
        ),
        ks=ks,
        temperature=float(reference["knn_temperature"]),
    )
    for score, (top1, top5) in zip(scores, reference["knn_top1_top5"], strict=True):
        assert score.top1 == pytest.approx(top1, abs=1e-9)
        if score.k >= 10:
            assert score.top5 == pytest.approx(top5, abs=1e-9)


@pytest.mark.parametrize(("protocol", "letter"), [("medium", "M"), ("hard", "H")])
def test_retrieval(reference, protocol, letter):
    truths = [
        Truth(*(np.array(entry[name], dtype=np.int64) for name in ("easy", "hard", "junk")))
        for entry in json.loads(str(reference["ret_gnd_json"]))
    ]
    ranking = rank_database(reference["ret_similarity_db_by_query"])
    score = score_rankings(ranking, truths, protocol)
    assert score.mean_ap == pytest.approx(float(reference[f"ret_map_{letter}"]), abs=1e-9)
    aps = np.array([np.nan if ap is None else ap for ap in score.aps])
    np.testing.assert_allclose(aps, reference[f"ret_aps_{letter}"], atol=1e-9)
    np.testing.assert_allclose(
        list(score.precision_at.values()), reference[f"ret_mp_at_1_5_10_{letter}"], atol=1e-9
    )


def test_copy_detection(reference):
    cases = json.loads(str(reference["copy_cases_json"]))
    aps = [average_precision(ranks, positives) for ranks, positives in cases]
    np.testing.assert_allclose(aps, reference["copy_ap"], atol=1e-12)


def test_whitening(reference):
    whitening = learn_whitening(torch.from_numpy(reference["pca_whitening_features"]))
    white = torch.nn.functional.normalize(
        whitening(torch.from_numpy(reference["pca_input"])), dim=1
    )
    np.testing.assert_allclose(
        (white @ white.T).numpy(), reference["pca_normalised_gram"], atol=1e-4
    )


@pytest.mark.parametrize("percent", [60, 90])
def test_attention_masks(reference, percent):
    kept = top_mass(torch.from_numpy(reference["attention"]), percent / 100)
    np.testing.assert_array_equal(kept.numpy(), reference[f"attention_mask_{percent}"])


def test_gem_descriptor(reference):
    descriptor = copy_descriptor(torch.from_numpy(reference["gem_tokens"]))
    np.testing.assert_allclose(descriptor.numpy(), reference["gem_descriptor"], rtol=1e-5)
