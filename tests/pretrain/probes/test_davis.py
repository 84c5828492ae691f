"""Label propagation on the way: what is asked of `vos`, and what comes of it."""

import json
import subprocess
import types
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from pretrain.models.student_teacher import build_backbone
from pretrain.monitoring.run_log import read_log
from pretrain.probes.davis import davis_j_and_f, first_sequences
from pretrain.train import train
from tests.pretrain.runs import CONFIG, learner_with, photos, settings, tiny_vit
from vos.errors import InputError

__all__ = ["photos", "tiny_vit"]


@pytest.fixture
def davis(tmp_path):
    root = tmp_path / "davis"
    for sequence in ("one", "two"):
        for kind, suffix in (("JPEGImages", "jpg"), ("Annotations", "png")):
            folder = root / kind / "480p" / sequence
            folder.mkdir(parents=True)
            for number in range(3):
                cv2.imwrite(str(folder / f"{number:05d}.{suffix}"), np.ones((48, 64, 3), np.uint8))
    (root / "ImageSets" / "2017").mkdir(parents=True)
    (root / "ImageSets" / "2017" / "val.txt").write_text("one\ntwo\n")
    return root


def test_the_first_sequences_of_a_set(davis, tmp_path):
    assert first_sequences(davis, 1) == ("val", ["one"])
    with pytest.raises(InputError, match="no DAVIS folder"):
        first_sequences(tmp_path, 1)


def fake_vos(calls, status=0):
    """Play the command line `vos`: write what its verbs would."""

    def run(command, **_options):
        calls.append(command[3:])
        if command[3] == "segment":
            masks = command[command.index("-o") + 1] + "/masks"
            Path(masks).mkdir(parents=True)
        else:
            folder = Path(command[command.index("--out") + 1])
            folder.mkdir()
            text = "J&F-Mean,J-Mean,J-Recall,F-Mean\n0.5,0.4,0.3,0.6\n"
            (folder / "global_results-val.csv").write_text(text)
        return types.SimpleNamespace(returncode=status, stderr="it went wrong")

    return run


def test_label_propagation_goes_through_vos(davis, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(subprocess, "run", fake_vos(calls))
    backbone, _ = build_backbone(CONFIG, 0.0)
    learner = learner_with(backbone)
    run = settings(davis, tmp_path, davis_path=davis)
    scores = davis_j_and_f(learner, CONFIG, run)
    assert scores == {"davis_j_and_f": 0.5, "davis_j": 0.4, "davis_f": 0.6}
    assert [call[0] for call in calls] == ["segment", "segment", "evaluate"]
    monkeypatch.setattr(subprocess, "run", fake_vos(calls, status=1))
    with pytest.raises(RuntimeError, match="it went wrong"):
        davis_j_and_f(learner, CONFIG, run)


@pytest.mark.parametrize(
    ("device", "precision"), [("cuda:1", "bf16"), ("cuda", "fp16"), ("cpu", "fp32")]
)
def test_label_propagation_is_on_the_device_and_in_the_precision_of_the_run(
    davis, tmp_path, monkeypatch, device, precision
):
    calls = []
    monkeypatch.setattr(subprocess, "run", fake_vos(calls))
    backbone, _ = build_backbone(CONFIG, 0.0)
    run = settings(davis, tmp_path, davis_path=davis)
    davis_j_and_f(learner_with(backbone, device, precision), CONFIG, run)
    for call in calls[:2]:
        options = dict(pairwise(call))
        assert (options["--device"], options["--precision"]) == (device, precision)
    assert "--device" not in calls[2]  # scores are counted, not computed by a network


@pytest.mark.slow
def test_label_propagation_with_the_real_vos(shared_data, tmp_path):
    for kind in ("JPEGImages", "Annotations"):
        source = shared_data / "davis-dev" / kind / "480p" / "blackswan"
        target = tmp_path / kind / "480p" / "blackswan"
        target.mkdir(parents=True)
        for path in sorted(source.iterdir())[:4]:
            (target / path.name).write_bytes(path.read_bytes())
    (tmp_path / "ImageSets" / "2017").mkdir(parents=True)
    (tmp_path / "ImageSets" / "2017" / "val.txt").write_text("blackswan\n")
    backbone, _ = build_backbone(CONFIG, 0.0)
    learner = learner_with(backbone)
    scores = davis_j_and_f(learner, CONFIG, settings(tmp_path, tmp_path, davis_path=tmp_path))
    assert 0.2 < scores["davis_j_and_f"] <= 1


def test_a_probe_that_fails_later_is_a_warning(photos, davis, tmp_path, monkeypatch, capsys):
    def broken(learner, config, run):
        raise RuntimeError("vos segment failed")

    monkeypatch.setattr("pretrain.probes.probes.davis_j_and_f", broken)
    run = settings(photos, tmp_path / "run", probe_epochs=9, davis_path=davis)
    assert train(CONFIG, run).finished
    assert "a look at the network failed: vos segment failed" in capsys.readouterr().err
    assert any("failed" in json.dumps(line) for line in read_log(tmp_path / "run"))
