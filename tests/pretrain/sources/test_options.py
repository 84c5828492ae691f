"""Options of sources are checked before any source is opened."""

import pytest

from pretrain.sources.options import SourceOptions, check_at_least, require_data
from vos.errors import InputError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames_per_video": 0}, "frames_per_video is 0; expected a whole number, 1 or above"),
        ({"samples_per_shard": -1}, "samples_per_shard is -1"),
        ({"cache_gb": 0.0}, "cache_gb is 0.0; expected a number above 0"),
    ],
    ids=["frames", "samples", "cache"],
)
def test_values_out_of_range_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        SourceOptions(**change)


def test_none_stands_for_a_default():
    options = type("Options", (), {"workers": None, "threads": 2})
    check_at_least(options, {"workers": 0, "threads": 2})
    with pytest.raises(InputError, match="threads is 2; expected a whole number, 3 or above"):
        check_at_least(options, {"workers": 0, "threads": 3})


def test_a_list_of_data_may_not_be_empty():
    require_data(["photos"])
    with pytest.raises(InputError, match="no data given"):
        require_data(())
