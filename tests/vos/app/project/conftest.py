"""Projects that the tests of this wing share."""

import pytest

from tests.vos.app.project.makers import HEADER
from vos.app.project.project import Project


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "clip.vos"


@pytest.fixture
def project(folder):
    with Project.create(folder, HEADER) as made:
        yield made
