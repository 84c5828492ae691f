"""Folders, archives and shards as numbered lists of samples; mixing them."""

import io
import os
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from pretrain.sources.archives import expand_braces, list_folder
from pretrain.sources.decode import BrokenImageError
from pretrain.sources.mixture import Mixture, SourceOptions, open_source
from pretrain.sources.source import NameTable
from vos.errors import InputError

RANDOM = np.random.default_rng(0)


def jpeg(value=128, size=(24, 20)):
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    for name in (
        "a/2.jpg",
        "a/10.jpg",
        "b/deep/1.PNG",
        ".hidden/x.jpg",
        "a/notes.txt",
        "a/._2.jpg",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg())
    return root


def make_tar(path, names):
    with tarfile.open(path, "w") as archive:
        for number, name in enumerate(names):
            data = jpeg(number * 10)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def make_zip(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, jpeg())
    return path


def test_a_folder_is_searched_at_any_depth_in_natural_order(folder):
    (source,) = open_source(str(folder))
    assert [source.name(i) for i in range(len(source))] == ["a/2.jpg", "a/10.jpg", "b/deep/1.PNG"]
    assert source.read(0, RANDOM) == jpeg()


def test_links_to_folders_are_followed_once(folder):
    (folder / "a" / "loop").symlink_to(folder)
    assert len(list_folder(folder)["image"]) == 3


def test_a_vanished_file_is_a_broken_sample(folder):
    (source,) = open_source(str(folder))
    (folder / "a/2.jpg").unlink()
    with pytest.raises(BrokenImageError, match="No such file"):
        source.read(0, RANDOM)


def test_zip_and_a_folder_inside_it(tmp_path):
    path = make_zip(tmp_path / "x.zip", ["birds/1.jpg", "birds/2.jpg", "cats/1.jpg", "readme.md"])
    assert len(open_source(str(path))[0]) == 3
    (birds,) = open_source(f"{path}/birds")
    assert [birds.name(i) for i in range(2)] == ["birds/1.jpg", "birds/2.jpg"]
    assert birds.read(1, RANDOM) == jpeg()


def test_a_damaged_zip_member_is_a_broken_sample(tmp_path):
    path = make_zip(tmp_path / "x.zip", ["1.jpg"])
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    (source,) = open_source(str(path))
    with pytest.raises(BrokenImageError, match="CRC"):
        source.read(0, RANDOM)


def test_tar_members_are_read_in_any_order(tmp_path):
    path = make_tar(tmp_path / "x.tar", ["a/0.jpg", "a/1.jpg", "a/2.txt", "b/3.jpg"])
    (source,) = open_source(str(path))
    assert len(source) == 3
    assert source.read(2, RANDOM) == jpeg(30) and source.read(0, RANDOM) == jpeg(0)
    assert len(open_source(f"{path}/b")[0]) == 1


def test_shards_by_braces_and_by_folder(tmp_path):
    for number in range(3):
        make_tar(tmp_path / f"s-{number:03d}.tar", ["0.jpg", "0.cls", "1.jpg"])
    (by_pattern,) = open_source(str(tmp_path / "s-{000..002}.tar"))
    (by_folder,) = open_source(str(tmp_path))
    assert len(by_pattern) == len(by_folder) == 6
    assert by_pattern.name(2) == "s-001.tar/0.jpg"
    with pytest.raises(InputError, match=r"no shard at .*s-003.tar"):
        open_source(str(tmp_path / "s-{000..003}.tar"))


def test_a_cut_tar_member_is_a_broken_sample(tmp_path):
    path = make_tar(tmp_path / "x.tar", ["0.jpg"])
    (source,) = open_source(str(path))
    os.truncate(path, 700)
    with pytest.raises(BrokenImageError, match="cut short"):
        source.read(0, RANDOM)


def test_braces_expand_as_in_a_shell():
    assert expand_braces("a{08..10}.tar") == ["a08.tar", "a09.tar", "a10.tar"]
    assert expand_braces("{x,y}{1..2}") == ["x1", "x2", "y1", "y2"]
    assert expand_braces("{3..1}") == ["3", "2", "1"]
    assert expand_braces("plain") == ["plain"]


def test_piped_shards_are_fetched_once_and_mixed(tmp_path):
    for number in range(6):
        make_tar(tmp_path / f"{number}.tar", ["0.jpg", "1.jpg"])
    log = tmp_path / "log"
    command = f"pipe:echo {{0..5}} >> {log}; cat {tmp_path}/{{0..5}}.tar"
    spec = command.replace("{0..5}.tar", "$N.tar").replace("echo {0..5}", "N={0..5}; echo $N")
    options = SourceOptions(samples_per_shard=2, shard_cache=tmp_path / "cache")
    (source,) = open_source(spec, options)
    assert len(source) == 12
    order = source.order(np.random.default_rng(0))
    assert sorted(order) == list(range(12))
    assert {int(i) // 2 for i in order[:8]} != {0, 1, 2, 3, 4, 5}
    for index in order:
        assert source.read(int(index), RANDOM) == jpeg(int(index) % 2 * 10)
    assert len(log.read_text().split()) == 6
    assert source.name(3).endswith("#1") and len(source.fingerprint()) == 64


def test_piped_shards_make_room(tmp_path):
    size = make_tar(tmp_path / "0.tar", ["0.jpg"]).stat().st_size
    make_tar(tmp_path / "1.tar", ["0.jpg"])
    options = SourceOptions(
        samples_per_shard=1, shard_cache=tmp_path / "cache", cache_gb=1.5 * size / 1e9
    )
    (source,) = open_source(f"pipe:cat {tmp_path}/{{0..1}}.tar", options)
    for index in (0, 1, 0):
        source.read(index, RANDOM)
        assert len(list((tmp_path / "cache").glob("*.tar"))) == 1


def test_making_room_leaves_shards_that_are_being_fetched(tmp_path):
    make_tar(tmp_path / "0.tar", ["0.jpg"])
    cache = tmp_path / "cache"
    cache.mkdir()
    fetched_by_another = cache / ".x.part.tar"
    fetched_by_another.write_bytes(b"half")
    (cache / "gone.tar").symlink_to(cache / "dropped by another")
    options = SourceOptions(samples_per_shard=1, shard_cache=cache, cache_gb=1e-9)
    (source,) = open_source(f"pipe:cat {tmp_path}/0.tar", options)
    assert source.read(0, RANDOM) == jpeg(0)
    assert fetched_by_another.exists()


def test_a_failing_pipe_says_what_the_command_said(tmp_path):
    options = SourceOptions(samples_per_shard=1, shard_cache=tmp_path / "cache")
    (source,) = open_source("pipe:echo no such bucket >&2; exit 3", options)
    with pytest.raises(BrokenImageError, match=r"status 3: no such bucket"):
        source.read(0, RANDOM)
    (junk,) = open_source("pipe:echo junk", options)
    with pytest.raises(BrokenImageError, match="no readable tar"):
        junk.read(0, RANDOM)
    with pytest.raises(InputError, match="--samples-per-shard"):
        open_source("pipe:cat x")


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


def test_names_survive_the_table():
    names = ["a", "", "bär/ü.jpg", "x" * 300]
    table = NameTable(names)
    assert [table[i] for i in range(len(table))] == names
    assert table.fingerprint() != NameTable(names[::-1]).fingerprint()


def test_names_that_are_no_text_can_be_printed_and_read(tmp_path):
    name = os.fsdecode(b"\xff.jpg")
    (tmp_path / name).write_bytes(jpeg())
    (source,) = open_source(str(tmp_path))
    assert source.name(0) == "\\udcff.jpg" and source.read(0, RANDOM) == jpeg()


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
