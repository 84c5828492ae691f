"""Weights: absent ones say how to get them, damaged ones fail, good ones show their hash."""

import pytest

from vos.backbones import weights
from vos.doctor.weights_present import weights_checks


@pytest.fixture(autouse=True)
def no_other_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("VOS_WEIGHTS", raising=False)


def checks_by_name(folder=None):
    return {check.name: check for check in weights_checks(folder)}


def test_weights_that_are_not_here_are_absent():
    check = checks_by_name()["dino_vits8"]
    assert check.state == "absent"
    assert "vos weights download dino_vits8" in check.detail


def test_the_built_in_backbone_is_good():
    check = checks_by_name()["efficientnet_lite0"]
    assert check.state == "ok"
    assert weights.packaged_file().name not in check.detail
    assert "18.8 MB" in check.detail


def test_a_damaged_file_fails(tmp_path):
    (tmp_path / "dino_deitsmall8_pretrain.pth").write_bytes(b"half a file")
    check = checks_by_name(tmp_path)["dino_vits8"]
    assert check.state == "fails"
    assert check.advice == "remove the file, then: vos weights download dino_vits8"


def test_the_folders_are_shown(tmp_path):
    assert str(tmp_path / "cache" / "vos") in checks_by_name()["looked in"].detail
