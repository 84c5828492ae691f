"""Files are packed with their paths, pictures as they are and texts made smaller."""

import zipfile

import pytest

from vos.app.exports.packing import pack, working_folder


def test_a_folder_becomes_a_zip_and_is_emptied(tmp_path):
    folder = tmp_path / "files"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.png").write_bytes(b"p" * 1000)
    (folder / "b.txt").write_bytes(b"t" * 1000)
    seen = []
    pack(folder, tmp_path / "out.zip", lambda: seen.append(1))
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {i.filename: i.compress_type for i in archive.infolist()} == {
            "a/1.png": zipfile.ZIP_STORED,
            "b.txt": zipfile.ZIP_DEFLATED,
        }
        assert archive.read("b.txt") == b"t" * 1000
    assert len(seen) == 2
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_names_that_are_not_text(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "odd\udcff.txt").write_bytes(b"x")
    pack(folder, tmp_path / "out.zip", lambda: None)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.namelist() == ["odd\\udcff.txt"]


def test_the_working_folder_goes_in_any_case(tmp_path):
    with pytest.raises(KeyboardInterrupt), working_folder(tmp_path / "out") as folder:
        (folder / "half").write_bytes(b"x")
        raise KeyboardInterrupt
    assert list((tmp_path / "out").iterdir()) == []
