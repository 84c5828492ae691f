"""Files that are not read: hidden ones are passed over, others are counted and said."""

import shutil

import pytest

from pretrain.sources.mixture import Mixture, open_source
from tests.pretrain.sources.archives import make_tar, make_zip
from vos.errors import InputError

HIDDEN = [".ipynb_checkpoints/1.jpg", "a/.git/1.jpg", "__MACOSX/a/1.jpg", "a/._1.jpg"]


@pytest.mark.parametrize(("make", "name"), [(make_tar, "x.tar"), (make_zip, "x.zip")])
def test_what_is_hidden_in_an_archive_is_no_sample(tmp_path, make, name):
    path = make(tmp_path / name, ["./a/1.jpg", "a/2.jpg", *HIDDEN])
    (source,) = open_source(str(path))
    assert len(source) == 2
    assert not source.skipped


def test_a_macos_folder_is_passed_over_in_a_folder(folder):
    (folder / "__MACOSX").mkdir()
    shutil.copy(folder / "a/2.jpg", folder / "__MACOSX/2.jpg")
    assert len(Mixture([str(folder)])) == 3


@pytest.mark.parametrize(("make", "name"), [(make_tar, "x.tar"), (make_zip, "x.zip")])
def test_other_files_of_an_archive_are_counted(tmp_path, make, name):
    path = make(tmp_path / name, ["1.jpg", "2.dng", "3.DNG", "more.zip", "1.txt", "1.cls"])
    assert Mixture([str(path)]).describe().endswith("; 3 files skipped: 2 .dng, 1 .zip")


def test_other_files_of_a_folder_are_counted_with_advice(folder):
    for name in ("1.heic", "2.heic", "more.zip", ".hidden.dng"):
        (folder / "a" / name).touch()
    said = Mixture([str(folder)]).describe()
    assert said.endswith("; 3 files skipped: 2 .heic (pip install pillow-heif), 1 .zip")


def test_a_folder_of_nothing_else_says_what_lies_there(tmp_path):
    (tmp_path / "1.heic").touch()
    with pytest.raises(InputError, match=r"1 file skipped: 1 \.heic \(pip install pillow-heif\)"):
        open_source(str(tmp_path))


@pytest.mark.parametrize("name", ["a.wmv", "b.3GP"])
def test_videos_of_windows_and_phones_are_videos(tmp_path, name):
    (tmp_path / name).touch()
    (source,) = open_source(str(tmp_path))
    assert source.kind == "videos"


def test_a_jfif_is_an_image(folder):
    shutil.copy(folder / "a/2.jpg", folder / "a/3.jfif")
    assert len(Mixture([str(folder)])) == 4
