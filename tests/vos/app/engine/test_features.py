"""Features are kept as many as fit, and serve the propagation as its own do."""

import numpy as np
import torch

from tests.data.clips import CONFIG, Colours, picture
from vos.app.engine.features import FeatureCache, patch_features, propagated_features
from vos.propagation.propagator import LabelPropagator


def test_the_maps_used_longest_ago_make_room():
    cache = FeatureCache(3 * 40)
    for key in "abc":
        cache.put(key, torch.zeros(10))
    assert cache.get("a") is not None
    cache.put("d", torch.zeros(10))
    assert [key for key in "abcd" if cache.get(key) is not None] == ["a", "c", "d"]
    cache.put("large", torch.zeros(100))
    assert [key for key in ("a", "c", "d", "large") if cache.get(key) is not None] == ["large"]
    cache.clear()
    assert cache.get("large") is None


def test_the_maps_of_a_closed_source_are_dropped():
    cache = FeatureCache(1000)
    for key in (("a", 0), ("b", 0), ("a", 1)):
        cache.put(key, torch.zeros(10))
    cache.drop_source("a")
    assert [key for key in (("a", 0), ("b", 0), ("a", 1)) if cache.get(key) is not None] == [
        ("b", 0)
    ]


def test_one_map_serves_clicks_and_propagation_to_the_bit():
    backbone, image = Colours(), picture(0)[0]
    features = patch_features(backbone, image, CONFIG)
    (own,) = LabelPropagator(backbone, CONFIG).features([image])
    assert torch.equal(propagated_features(features), own)
    default = backbone.features(np.ascontiguousarray(image), short_side=0).patches[0, 0]
    assert torch.equal(features, default)
