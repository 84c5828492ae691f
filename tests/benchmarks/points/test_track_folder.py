import numpy as np
import pytest

from benchmarks.points.track_folder import TrackFolder
from vos.errors import InputError
from vos.files import write_json
from vos.tracking.tracks import Tracks

SETTINGS = {"points": {"sigma": 0.5}}


@pytest.fixture
def folder(tmp_path):
    folder = TrackFolder(tmp_path / "run")
    folder.prepare(SETTINGS, {}, overwrite=False)
    write_json(folder.out / "run.json", {"settings": SETTINGS})
    return folder


def tracks(queries=2, frames=3):
    generator = np.random.default_rng(0)
    shape = (queries, frames)
    return Tracks(generator.random((*shape, 2)), generator.random(shape) > 0.5,
                       generator.random(shape))  # fmt: skip


def test_tracks_come_back_to_the_last_digit(folder):
    folder.keep("wave/first", tracks(), {"seconds": 1.0})
    assert folder.is_whole("wave/first", 2, 3)
    for name, values in vars(folder.load("wave/first")).items():
        np.testing.assert_array_equal(values, getattr(tracks(), name))
    assert folder.records(["wave/first"]) == {"wave/first": {"seconds": 1.0}}


def test_tracks_of_another_shape_or_a_damaged_file_are_not_whole(folder):
    folder.keep("a", tracks(), {})
    assert not folder.is_whole("a", 2, 4) and not folder.is_whole("b", 2, 3)
    path = folder.out / "tracks" / "a.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not folder.is_whole("a", 2, 3)
    start = whole.index(b"xy.npy") + 50  # behind its header, in its data
    path.write_bytes(whole[:start] + bytes(20) + whole[start + 20 :])
    assert not folder.is_whole("a", 2, 3)


def test_other_settings_and_strange_tracks_are_refused(folder):
    folder.keep("a", tracks(), {})
    folder.prepare(SETTINGS, {}, overwrite=False)
    assert folder.is_whole("a", 2, 3)
    half = folder.out / "tracks" / ".b.12345678.part.npz"
    half.write_bytes(b"PK")
    folder.prepare(SETTINGS, {}, overwrite=False)
    assert not half.exists()
    with pytest.raises(InputError, match=r"points.sigma: 0.5 before, 1 now"):
        folder.prepare({"points": {"sigma": 1}}, {}, overwrite=False)
    (folder.out / "run.json").unlink()
    with pytest.raises(InputError, match=r"no run.json says how they were made"):
        folder.prepare(SETTINGS, {}, overwrite=False)
    folder.prepare(SETTINGS, {}, overwrite=True)
    assert not folder.is_whole("a", 2, 3)


def test_a_file_in_the_folders_place(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        TrackFolder(tmp_path / "run").prepare(SETTINGS, {}, overwrite=False)
