"""Folders, archives and shards as numbered lists of samples."""

import os

import pytest

from pretrain.sources.archives import expand_braces, list_folder
from pretrain.sources.decode import BrokenImageError
from pretrain.sources.mixture import open_source
from tests.pretrain.sources.archives import RANDOM, jpeg, make_tar, make_zip
from vos.errors import InputError


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
