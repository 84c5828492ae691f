"""Curves of a run."""

import cv2
import pytest

from pretrain.monitoring.curves import plot_curves
from tests.pretrain.runs import tiny_vit
from vos.errors import InputError

__all__ = ["tiny_vit"]


def test_curves_need_numbers(tmp_path):
    with pytest.raises(InputError, match=r"no log\.jsonl"):
        plot_curves(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"step": 1, "message": "x"}\n')
    with pytest.raises(InputError, match="no numbers yet"):
        plot_curves(tmp_path)
    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": 2.0, "grad_norm": 1.0}\n')
    assert cv2.imread(str(plot_curves(tmp_path))).shape[2] == 3
