import shutil
from pathlib import Path

import pytest

from tests.data.davis import davis, make_davis
from tests.data.davis_runs import write_run


@pytest.fixture
def runs(tmp_path):
    first = write_run(tmp_path / "a", {"bear": [0.5, 0.6], "crow": [0.4], "deer": [0.7]})
    second = write_run(tmp_path / "b", {"bear": [0.6, 0.5], "crow": [0.7], "deer": [0.7]}, 10)
    return first, second


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    root = tmp_path_factory.mktemp("report")
    data = make_davis(root / "DAVIS")
    assert davis(data, root / "run") == 0
    return data, root / "run"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_davis(tmp_path_factory.mktemp("data") / "DAVIS")


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    assert davis(data, out) == 0
    return out


@pytest.fixture
def own(data, tmp_path):
    """A DAVIS folder to spoil."""
    return Path(shutil.copytree(data, tmp_path / "own"))
