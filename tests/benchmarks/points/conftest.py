import pytest

from tests.data.point_runs import run_verb
from tests.data.point_sets import make_badja, make_jhmdb, make_tap_vid


@pytest.fixture(scope="session")
def jhmdb(tmp_path_factory):
    """A JHMDB folder and a whole run on it."""
    root = tmp_path_factory.mktemp("jhmdb")
    data = make_jhmdb(root / "JHMDB", frames=4)
    assert run_verb("jhmdb", data, root / "run") == 0
    return data, root / "run"


@pytest.fixture(scope="session")
def badja(tmp_path_factory):
    """A BADJA folder of two videos and a whole run on it."""
    root = tmp_path_factory.mktemp("badja")
    data = make_badja(root / "BADJA", ("bear", "cows"), frames=4)
    assert run_verb("badja", data, root / "run", "--sequences", "bear", "cows") == 0
    return data, root / "run"


@pytest.fixture(scope="session")
def tap_vid(tmp_path_factory):
    """A pickle of TAP-Vid and a whole run on it."""
    root = tmp_path_factory.mktemp("tap_vid")
    data = make_tap_vid(root / "tapvid_davis.pkl", frames=7)
    assert run_verb("tap-vid", data, root / "run") == 0
    return data, root / "run"
