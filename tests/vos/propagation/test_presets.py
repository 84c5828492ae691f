"""Settings of published code by name."""

import re
from dataclasses import fields

import pytest

from vos.errors import InputError
from vos.propagation.config import PointConfig, PropagationConfig
from vos.propagation.presets import PRESETS, mask_defaults, point_defaults, preset_named

NUMBERS = {
    "dino-davis": (7, 12, "square", 5, 0.1),
    "dinov3-davis": (7, 12, "circle", 5, 0.2),
    "crw-jhmdb": (20, 12, "circle", 10, 0.07),
    "siammae-jhmdb": (20, 20, "circle", 7, 0.7),
    "siammae-vip": (20, 20, "circle", 10, 0.7),
    "siammae-davis": (20, 20, "circle", 7, 0.7),
    "pips-badja": (7, 0, "square", 5, 0.1),
}
SIZES = {
    "dino-davis": (480, 832),
    "dinov3-davis": (960, 1712),
    "crw-jhmdb": (320, 320),
    "siammae-jhmdb": (320, 320),
    "siammae-vip": (448, 880),
    "siammae-davis": (480, 880),
    "pips-badja": (320, 512),
}


def test_the_presets_have_the_published_numbers():
    found = {
        name: (
            p.propagation.n_last_frames,
            p.propagation.neighborhood_radius,
            p.propagation.neighborhood_shape,
            p.propagation.topk,
            p.propagation.temperature,
        )
        for name, p in PRESETS.items()
    }
    assert found == NUMBERS
    sizes = {name: p.propagation.input_rule.size(480, 854, 16) for name, p in PRESETS.items()}
    assert sizes == SIZES


def test_the_default_is_a_preset():
    assert PRESETS["dino-davis"].propagation == PropagationConfig()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_where_its_numbers_are_from(name):
    preset = PRESETS[name]
    known = {f.name for config in (PropagationConfig, PointConfig) for f in fields(config)}
    assert preset.about.endswith(".")
    assert preset.sources.keys() <= known
    assert all(preset.sources.values())


def test_a_verb_takes_the_presets_of_its_kind_alone():
    assert mask_defaults("siammae-vip")["propagation"].long_side == 880
    assert point_defaults("crw-jhmdb")["point_config"].strongest == 3
    with pytest.raises(InputError, match=r"crw-jhmdb is for points; .* are: dino-davis"):
        mask_defaults("crw-jhmdb")
    with pytest.raises(InputError, match=r"dino-davis is for masks; .* are: crw-jhmdb"):
        point_defaults("dino-davis")
    with pytest.raises(InputError, match=re.escape("no preset 'crw'; the presets are: dino-davis")):
        preset_named("crw")
