import json

import pytest

from tests.data.images import bench, said

FAST = ["--seconds", 0.01, "--device", "cpu", "--precisions", "fp32"]


def test_every_combination_is_measured(tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--backbones", "efficientnet_lite0", "--sizes", 32, 64, "--batches", 1, 2]
    assert bench("throughput", *arguments, *FAST, "-o", out) == 0
    held = json.loads((out / "results.json").read_text())
    timings = held["results"]["timings"]
    assert [(t["size"], t["batch"]) for t in timings] == [(32, 1), (32, 2), (64, 1), (64, 2)]
    for t in timings:
        expected = 1000 * t["batch"] / t["milliseconds"]
        assert t["images_per_second"] == pytest.approx(expected)
        assert t["passes"] >= 5
        assert t["peak_mib"] is None or t["peak_mib"] > 50
        assert t["tokens"] == (t["size"] // 8) ** 2
    assert held["table"] == "Table 1"
    assert "efficientnet_lite0, 64 px, float32, batch 2" in capsys.readouterr().out
    assert not (out / "accuracy_speed.png").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--batches", 0], "must be above 0"),
        (["--backbones", "nothing"], "nothing"),
        (["--backbones", "dino_vits16", "--sizes", 8], "smaller than a patch"),
        (["--device", "tpu"], "tpu"),
    ],
)
def test_wrong_input(tmp_path, capsys, arguments, told):
    assert bench("throughput", "-o", tmp_path, *FAST, *arguments) == 2
    assert told in said(capsys)


def test_an_unknown_backbone_is_answered_with_options_of_this_verb(tmp_path, capsys):
    arguments = ["--backbones", "nothing", *FAST]
    assert bench("throughput", "-o", tmp_path / "out", *arguments) == 2
    assert "here --backbones takes names" in said(capsys)
