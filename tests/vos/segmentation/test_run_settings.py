"""How settings of two versions are compared."""

from vos.segmentation.run_settings import NOT_RECORDED, settings_difference

DEFAULTS = {"propagation": {"topk": 5, "shape": (1, 2)}}


def test_equal_settings_do_not_differ():
    settings = {"source": "a", "propagation": {"topk": 7, "shape": (3, 4)}}
    assert settings_difference(settings, settings, DEFAULTS) == {}
    written = {"source": "a", "propagation": {"topk": 7, "shape": [3, 4]}}
    assert settings_difference(written, settings, DEFAULTS) == {}


def test_a_setting_that_is_not_recorded_had_its_default():
    full = {"propagation": {"topk": 5, "shape": (1, 2)}}
    for older in ({"propagation": {"topk": 5}}, {"propagation": {}}, {}):
        assert settings_difference(older, full, DEFAULTS) == {}
        assert settings_difference(full, older, DEFAULTS) == {}
    other = {"propagation": {"topk": 7, "shape": (1, 2)}}
    want = {"propagation": ({"topk": 5}, {"topk": 7})}
    assert settings_difference({}, other, DEFAULTS) == want


def test_a_setting_without_a_known_default_is_a_difference():
    without = {"propagation": {"topk": 5}}
    for value in (3, None):
        new = {"propagation": {"topk": 5, "momentum": value}}
        want = ({"momentum": value}, {"momentum": NOT_RECORDED})
        assert settings_difference(new, without, DEFAULTS) == {"propagation": want}
        assert settings_difference(without, new, DEFAULTS) == {"propagation": want[::-1]}
    grouped = {"rules": {"snap": True}}
    want = {"rules": (NOT_RECORDED, {"snap": True})}
    assert settings_difference({}, grouped, DEFAULTS) == want


def test_only_what_differs_is_returned():
    before = {"source": "a", "masks": {"0": {"sha256": "x"}, "5": {"sha256": "y"}}}
    now = {"source": "b", "masks": {"0": {"sha256": "x"}, "5": {"sha256": "z"}}}
    assert settings_difference(before, now, {}) == {
        "source": ("a", "b"),
        "masks": ({"5": {"sha256": "y"}}, {"5": {"sha256": "z"}}),
    }
