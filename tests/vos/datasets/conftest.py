"""Fixtures that the tests of this wing share."""

import pytest

from tests.data.dataset_folders import add_sequence, add_set, mask


@pytest.fixture
def davis(tmp_path):
    for name in ("goat", "bear"):
        add_sequence(tmp_path, name, {t: mask(1, 2) for t in range(3)})
    add_set(tmp_path, ["goat", "bear"])
    return tmp_path
