"""The numbers of propagation."""

import pytest

from vos.errors import InputError
from vos.propagation.config import PointConfig, PropagationConfig


@pytest.mark.parametrize(
    "wrong",
    [
        {"topk": 0},
        {"temperature": 0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"n_last_frames": -1},
        {"neighborhood_radius": -1},
        {"short_side": -480},
        {"size_multiple": 0},
        {"adaptive_reach": -1},
        {"adaptive_strength": float("nan")},
        {"adaptive_strength": float("inf")},
        {"adaptive_prompt_weight": 0},
        {"adaptive_trusted_error": 0.3},
        {"adaptive_prompt_weight": float("inf")},
        {"long_side": -1},
        {"input_height": 320},
        {"neighborhood_radius": float("nan")},
    ],
)
def test_numbers_out_of_range_are_refused(wrong):
    mode = "adaptive" if next(iter(wrong)).startswith("adaptive") else "protocol"
    with pytest.raises(InputError, match=f"{next(iter(wrong))} is .*(expected|give both)"):
        PropagationConfig(mode=mode, **wrong)


def test_numbers_of_the_adaptive_mode_are_refused_in_the_protocol():
    with pytest.raises(InputError, match="adaptive_reach is 96, which is for mode adaptive alone"):
        PropagationConfig(adaptive_reach=96)
    assert PropagationConfig(mode="adaptive", adaptive_reach=96).adaptive_reach == 96


def test_the_defaults_are_the_published_protocol():
    config = PropagationConfig()
    assert (config.n_last_frames, config.neighborhood_radius, config.topk) == (7, 12, 5)
    assert (config.temperature, config.short_side, config.size_multiple) == (0.1, 480, 64)
    assert (config.neighborhood_shape, config.upsampling) == ("square", "bilinear")


def test_the_input_rule_has_the_numbers():
    rule = PropagationConfig(input_height=320, input_width=512, channel_order="bgr").input_rule
    assert (rule.size(480, 854, 8), rule.channel_order) == ((320, 512), "bgr")
    assert PropagationConfig().input_rule.size(480, 854, 8) == (480, 832)


@pytest.mark.parametrize(
    "wrong", [{"sigma": 0}, {"strongest": 0}, {"window": -1}, {"round_trip": -0.5}]
)
def test_numbers_of_points_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=f"{next(iter(wrong))} is "):
        PointConfig(**wrong)


def test_a_configuration_in_another_mode_keeps_what_both_have():
    adaptive = PropagationConfig(mode="adaptive", adaptive_reach=96, topk=7)
    assert adaptive.in_mode("adaptive") == adaptive
    assert adaptive.in_mode("protocol") == PropagationConfig(topk=7)
    assert PropagationConfig(topk=7).in_mode("adaptive").mode == "adaptive"


def test_an_endless_error_is_no_bound():
    with pytest.raises(InputError, match="adaptive_useless_error inf; expected a number"):
        PropagationConfig(mode="adaptive", adaptive_useless_error=float("inf"))
