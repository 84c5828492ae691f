"""Devices: what is here, and a driver that PyTorch does not see."""

import shutil

import pytest
import torch

from vos.doctor import hardware
from vos.doctor.hardware import device_checks


def checks_by_name():
    return {check.name: check for check in device_checks()}


def test_the_processor_computes():
    check = checks_by_name()["PyTorch on the CPU"]
    assert check.state == "ok"
    assert f"{torch.get_num_threads()} threads" in check.detail


@pytest.mark.parametrize(("build", "text"), [("13.0", "for CUDA 13.0"), (None, "without CUDA")])
def test_a_driver_without_a_gpu_that_pytorch_sees_fails(monkeypatch, build, text):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", build)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    check = checks_by_name()["CUDA"]
    assert check.state == "fails"
    assert text in check.detail
    assert "--device cpu" in check.advice


def test_no_gpu_is_absent(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(hardware.Path, "exists", lambda path: False)
    states = {name: check.state for name, check in checks_by_name().items()}
    assert (states["CUDA"], states["MPS"]) == ("absent", "absent")


def test_a_gpu_that_cannot_compute_fails(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)

    def broken(device):
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(hardware, "_multiply", broken)
    assert checks_by_name()["CUDA"].state == "fails"
