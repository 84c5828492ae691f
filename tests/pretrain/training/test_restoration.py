"""Runs that go on with data which have changed: refused, or allowed and said."""

from dataclasses import replace

import pytest
import torch

from pretrain.train import train
from pretrain.training.checkpoints import list_checkpoints
from pretrain.training.export import export_backbone
from tests.pretrain.runs import CONFIG, losses, photos, settings, tiny_vit, weights, whole
from vos.backbones.checkpoints import load_checkpoint
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import build_vit
from vos.errors import InputError

__all__ = ["photos", "tiny_vit", "whole"]


@pytest.fixture
def copied(photos, tmp_path):
    """The photos, in a folder that may be changed."""
    folder = tmp_path / "copied"
    folder.mkdir()
    for path in photos.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def resumed(folder, out, whole, **changes):
    return settings(folder, out, resume=str(whole / "checkpoint.pth"), **changes)


def test_a_run_with_masked_patches_is_resumed_to_the_same_end(photos, tmp_path):
    config = replace(CONFIG, ibot_weight=1.0, koleo_weight=0.1, global_crops_size=64)
    train(config, settings(photos, tmp_path / "whole"))
    part = settings(photos, tmp_path / "part")
    train(config, part, callbacks=[lambda report: report.step == 4])
    train(config, replace(part, resume="auto"))
    assert losses(tmp_path / "part") == losses(tmp_path / "whole")
    saved = weights(tmp_path / "whole")
    assert saved["ibot_loss"]["center"].abs().max() > 0
    assert any(name.startswith("patch_head.") for name in saved["teacher"])
    with pytest.raises(InputError, match=r"trained with ibot True, this run has False"):
        train(replace(config, ibot_weight=0.0), replace(part, resume="auto"))
    export_backbone(tmp_path / "whole", tmp_path / "backbone.safetensors")
    exported = load_checkpoint(tmp_path / "backbone.safetensors").state
    plain = build_vit("vit_tiny", 16, img_size=64).state_dict()
    assert set(exported) == set(plain)
    for key in ("teacher", "student"):
        backbone = load_backbone(
            weights=tmp_path / "whole" / "checkpoint.pth",
            checkpoint_key=key,
            device="cpu",
            precision="fp32",
        )
        own = (
            saved["teacher"]["backbone.norm.weight"]
            if key == "teacher"
            else (saved["student"]["module.backbone.norm.weight"])
        )
        assert torch.equal(backbone.network.norm.weight, own)


def test_data_in_another_place_are_the_same_data(copied, whole, tmp_path):
    longer = replace(CONFIG, epochs=4)
    assert train(longer, resumed(copied, tmp_path / "run", whole)).finished


@pytest.mark.parametrize("change", ["added", "other size", "other sum"])
def test_changed_data_are_refused_or_allowed_and_said(copied, whole, tmp_path, capsys, change):
    data = (copied / "3.jpg").read_bytes()
    if change == "added":
        (copied / "new.jpg").write_bytes(data)
    elif change == "other size":
        (copied / "3.jpg").write_bytes((copied / "4.jpg").read_bytes() + bytes(8))
    else:
        (copied / "3.jpg").write_bytes(data[:-200] + bytes(198) + data[-2:])
    longer = replace(CONFIG, epochs=4)
    with pytest.raises(InputError, match=r"trained on other data.*--allow-changed-data"):
        train(longer, resumed(copied, tmp_path / "run", whole))
    allowed = resumed(copied, tmp_path / "run", whole, allow_changed_data=True)
    assert train(longer, allowed).finished
    printed = capsys.readouterr().err
    assert "the data have changed" in printed
    assert ("14 samples" if change == "added" else "other sizes or sums") in printed


def test_checkpoints_of_versions_that_knew_names_alone_go_on(copied, whole, tmp_path):
    state = weights(whole)
    del state["extras"]["data_contents"]
    torch.save(state, tmp_path / "old.pth")
    (copied / "3.jpg").write_bytes((copied / "4.jpg").read_bytes())
    run = settings(copied, tmp_path / "run", resume=str(tmp_path / "old.pth"))
    assert train(replace(CONFIG, epochs=4), run).finished


def test_a_run_with_fewer_images_goes_on_and_is_resumed_from_its_new_steps(
    copied, tmp_path, capsys
):
    out = tmp_path / "run"
    train(replace(CONFIG, epochs=2), settings(copied, out))
    for number in range(5):
        (copied / f"{number}.jpg").unlink()
    allowed = settings(copied, out, resume="auto", allow_changed_data=True)
    assert train(replace(CONFIG, epochs=2), allowed).steps == 4  # 2 epochs of 2 steps, once 3
    names = [path.stem for path in list_checkpoints(out)]
    assert names[-1] == "step-00000004" and "step-00000006" not in names
    assert (out / "checkpoints" / "former-step-00000006.pth").is_file()
    without = settings(copied, out, resume="auto")
    assert train(CONFIG, without).steps == 6
    assert sorted(losses(out)) == [1, 2, 3, 4, 5, 6]
