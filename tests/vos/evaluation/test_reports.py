"""Reports of a scoring: the official CSV files to the letter, per frame, JSON."""

import csv
import json

import pytest

from vos.evaluation.evaluate import evaluate
from vos.evaluation.reports import write_reports
from vos.evaluation.rules import ScoringRules


def three(value):
    return f"{value:.3f}"


@pytest.mark.parametrize("task", ["semi-supervised", "unsupervised"])
def test_the_official_files_byte_for_byte(shared_data, tmp_path, task):
    root = shared_data / "davis-scoring"
    official = json.loads((root / "official_results.json").read_text())[task]
    found = evaluate(
        root / task,
        root / "DAVIS",
        rules=ScoringRules(task=task),
        sequences=official["per_frame"],
    )
    overall, each, frames, full = write_reports(found, tmp_path / "new" / "folder")
    assert overall.name == "global_results-val.csv"
    assert each.name == "per-sequence_results-val.csv"
    columns = ["J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay"]
    row = ",".join(three(official["global"][c]) for c in columns)
    assert overall.read_bytes() == (",".join(columns) + "\n" + row + "\n").encode()
    lines = [
        f"{n},{three(v['J_mean'])},{three(v['F_mean'])}" for n, v in official["per_object"].items()
    ]
    assert each.read_bytes() == "\n".join(["Sequence,J-Mean,F-Mean", *lines, ""]).encode()

    with frames.open() as handle:
        rows = list(csv.DictReader(handle))
    assert list(rows[0]) == ["Sequence", "Object", "Frame", "J", "F"]
    score = found.objects[0]
    ours = [
        r for r in rows if (r["Sequence"], r["Object"]) == (score.sequence, str(score.object_id))
    ]
    assert [r["Frame"] for r in ours] == list(score.frames)
    assert [float(r["J"]) for r in ours] == score.j_frames.tolist()
    assert [float(r["F"]) for r in ours] == score.f_frames.tolist()

    report = json.loads(full.read_text())
    assert report["global"] == pytest.approx(official["global"], abs=1e-9)
    assert report["rules"]["task"] == task
    assert report["rules"]["skips_ends"] is (task == "semi-supervised")
    objects = [o for s in report["sequences"] for o in s["objects"]]
    assert [o["name"] for o in objects] == list(official["per_object"])
    assert objects[0]["J-Decay"] == pytest.approx(
        official["per_object"]["bike-packing_1"]["J_decay"]
    )
    assert sorted(p.name for p in full.parent.iterdir()) == sorted(
        p.name for p in (overall, each, frames, full)
    )
