"""The order of the checks, and their form as JSON."""

import json

from vos.doctor import examination
from vos.doctor.check import Check
from vos.doctor.examination import as_record, examine, works


def test_groups_come_in_order(monkeypatch):
    trials = [Check("parts", "cpu", "ok")]
    monkeypatch.setattr(examination, "trial_checks", lambda device: iter(trials))
    checks = list(examine(device="cpu"))
    assert list(dict.fromkeys(check.group for check in checks)) == [
        "versions", "devices", "video", "weights", "parts",
    ]  # fmt: skip
    assert checks[-1].name == "cpu"


def test_a_missing_package_ends_its_group_alone(monkeypatch):
    def video():
        yield Check("video", "FFmpeg", "ok")
        raise ModuleNotFoundError("No module named 'cv2'")

    for name in ("version_checks", "device_checks"):
        monkeypatch.setattr(examination, name, lambda: iter(()))
    monkeypatch.setattr(examination, "video_checks", video)
    monkeypatch.setattr(examination, "weights_checks", lambda folder: iter(()))
    trials = [Check("parts", "mask", "ok")]
    monkeypatch.setattr(examination, "trial_checks", lambda device: iter(trials))
    checks = list(examine())
    assert [check.name for check in checks] == ["FFmpeg", "the rest", "mask"]
    assert checks[1].state == "fails"
    assert "cv2" in checks[1].detail


def test_what_is_absent_is_no_failure():
    checks = [Check("devices", "CUDA", "absent"), Check("versions", "numpy", "ok")]
    assert works(checks)
    assert not works([*checks, Check("versions", "torch", "fails")])


def test_the_record_is_json():
    record = json.loads(json.dumps(as_record([Check("versions", "torch", "fails", "why", "do")])))
    assert record["ok"] is False
    assert record["checks"] == [
        {"group": "versions", "name": "torch", "state": "fails", "detail": "why", "advice": "do"}
    ]
