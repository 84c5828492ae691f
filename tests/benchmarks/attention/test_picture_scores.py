import pytest

from benchmarks.attention.attention_masks import attention_jaccards
from benchmarks.attention.picture_scores import PictureScores, summary
from tests.data.images import bench
from vos.errors import InputError


def options(weights):
    return ["--weights", weights, "--precision", "fp32", "--short-side", 0]


def test_summary_by_hand():
    scores = [
        PictureScores("a", ["cat"], [[0.2, 0.6]]),
        PictureScores("b", ["cat", "dog"], [[0.8, 0.3], [0.2, 0.4]]),  # each takes its own head
        PictureScores("c", [], []),
    ]
    held = summary(scores)
    assert held["jaccard"] == pytest.approx((0.6 + (0.8 + 0.4) / 2) / 2)
    assert held["by_group"] == pytest.approx({"cat": 0.7, "dog": 0.4})
    assert held["by_head"] == pytest.approx([(0.2 + 0.5) / 2, (0.6 + 0.35) / 2])
    assert (held["single_head"], held["single_head_jaccard"]) == (1, pytest.approx(0.475))
    assert (held["pictures"], held["pictures_without_object"]) == (2, 1)
    with pytest.raises(InputError, match="none of 1 pictures"):
        summary(scores[2:])


def test_stopped_run_goes_on(voc, weights, tmp_path, monkeypatch):
    out = tmp_path / "out"
    arguments = ["attention-segmentation", "--data", voc, "-o", out, *options(weights)]
    place, seen = "benchmarks.attention.picture_scores.attention_jaccards", []

    def counted(*given):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return attention_jaccards(*given)

    monkeypatch.setattr(place, counted)
    assert bench(*arguments) == 130
    with (out / "pictures-0.jsonl").open("a") as handle:
        handle.write('{"identity": "cut off')
    assert bench(*arguments) == 0
    assert len(seen) == 3 + 2
    resumed = (out / "results.json").read_text()
    assert bench(*arguments, "--mass", 0.9) == 0  # other settings: nothing is taken over
    assert len(seen) == 5 + 4
    assert (out / "results.json").read_text() != resumed
