"""`vos-pretrain plot`: curves to a picture."""

from pretrain.cli import run
from tests.pretrain.runs import photos, tiny_vit, whole

__all__ = ["photos", "tiny_vit", "whole"]


def test_plot_draws_the_curves(whole, tmp_path, capsys):
    (whole / "curves.png").unlink()
    assert run(["plot", str(whole)]) == 0
    assert (whole / "curves.png").is_file()
    assert run(["plot", str(whole), "-o", str(tmp_path / "mine.png")]) == 0
    assert (tmp_path / "mine.png").is_file()
    assert run(["plot", str(whole), "-o", str(tmp_path / "mine.jpg")]) == 2
    assert "ends in .png" in capsys.readouterr().err
