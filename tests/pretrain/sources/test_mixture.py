"""Opening sources by path, and mixing several of them by weight."""

import numpy as np
import pytest

from pretrain.sources.mixture import Mixture, open_source
from tests.pretrain.sources.archives import jpeg, make_tar, make_zip
from vos.errors import InputError


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "nothing", "no folder or archive"),
        (lambda p: p, "no image, video or tar shard"),
        (lambda p: (p / "x.jpg").write_bytes(jpeg()) and p / "x.jpg", "is one image"),
        (lambda p: (p / "x.tar").write_bytes(b"junk") and p / "x.tar", "no readable tar"),
        (lambda p: (p / "x.tar.gz").write_bytes(b"junk") and p / "x.tar.gz", "compressed"),
        (lambda p: make_zip(p / "x.zip", ["notes.txt"]), "no image in"),
    ],
    ids=["missing", "empty", "image", "junk", "gz", "no-images"],
)
def test_what_cannot_be_trained_on_is_said(tmp_path, make, message):
    with pytest.raises(InputError, match=message):
        open_source(str(make(tmp_path)))


def test_an_archive_without_images_beside_others_is_left_out(folder, tmp_path):
    make_tar(folder / "labels.tar", ["a.txt"])
    more = make_zip(tmp_path / "x.zip", [f"{i}.jpg" for i in range(4)])
    mixture = Mixture([str(folder), str(more)])
    assert len(mixture.sources) == 2 and sorted(mixture.epoch(0, 0)) == list(range(7))


def test_an_epoch_without_weights_is_every_sample_once(folder, tmp_path):
    archive = make_zip(tmp_path / "x.zip", [f"{i}.jpg" for i in range(7)])
    mixture = Mixture([str(folder), str(archive)])
    assert len(mixture) == 10
    first, again, other = mixture.epoch(0, 0), mixture.epoch(0, 0), mixture.epoch(0, 1)
    assert sorted(first) == list(range(10))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert mixture.name(3) == "0.jpg"
    assert "3 from folder" in mixture.describe()


def test_weights_say_how_often_a_source_is_drawn(folder, tmp_path):
    archive = make_zip(tmp_path / "x.zip", [f"{i}.jpg" for i in range(97)])
    mixture = Mixture([str(folder), str(archive)], weights=[1, 1])
    order = mixture.epoch(0, 0)
    counts = np.bincount(order, minlength=100)
    assert counts[:3].sum() == 50 and set(counts[:3]) == {16, 17}
    assert set(counts[3:]) == {0, 1}


@pytest.mark.parametrize("weights", [[1], [1, 0], [1, 1, 1]])
def test_weights_that_do_not_fit_are_refused(folder, weights):
    with pytest.raises(InputError, match="weights for 2 sources"):
        Mixture([str(folder), str(folder)], weights=weights)


def test_no_data_is_refused():
    with pytest.raises(InputError, match="--data-path"):
        Mixture([])


def test_the_fingerprint_follows_names_and_weights(folder):
    once = Mixture([str(folder)]).fingerprint()
    assert once == Mixture([str(folder)]).fingerprint()
    assert once != Mixture([str(folder), str(folder)]).fingerprint()
    (folder / "new.jpg").write_bytes(jpeg())
    assert once != Mixture([str(folder)]).fingerprint()
