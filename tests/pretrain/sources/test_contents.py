"""What samples hold, by sizes and sums, in every kind of source."""

import tarfile
import zipfile

import pytest

from pretrain.sources.contents import SUMMED_SAMPLES
from pretrain.sources.mixture import Mixture, open_source
from pretrain.sources.options import SourceOptions


def write(folder, kind, parts):
    """Write samples of a kind under the same names, and return what opens them."""
    folder.mkdir(exist_ok=True)
    files = {f"{number}.jpg": data for number, data in enumerate(parts)}
    if kind == "zip":
        with zipfile.ZipFile(folder / "a.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return str(folder / "a.zip")
    for name, data in files.items():
        suffix = ".mp4" if kind == "videos" else ".jpg"
        (folder / name).with_suffix(suffix).write_bytes(data)
    if kind == "tar":
        with tarfile.open(folder / "a.tar", "w") as archive:
            for name in files:
                archive.add(folder / name, name)
        return str(folder / "a.tar")
    return str(folder)


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "videos"])
def test_another_size_or_sum_is_another_hash(tmp_path, kind):
    def contents(name, parts):
        return Mixture([write(tmp_path / name, kind, parts)]).contents()

    first = contents("a", [b"one", b"two", b"three"])
    assert contents("b", [b"one", b"two", b"three"]) == first
    assert contents("c", [b"one", b"two", b"threes"]) != first
    assert contents("d", [b"one", b"owt", b"three"]) != first


def test_not_all_of_many_files_are_read(tmp_path, monkeypatch):
    write(tmp_path / "a", "folder", [b"x"] * (2 * SUMMED_SAMPLES))
    read = []
    monkeypatch.setattr(
        "pretrain.sources.contents._first_bytes", lambda path: read.append(path) or b""
    )
    Mixture([str(tmp_path / "a")]).contents()
    assert len(set(read)) == SUMMED_SAMPLES
    assert {path.name for path in read} >= {"0.jpg", f"{2 * SUMMED_SAMPLES - 1}.jpg"}


def test_a_file_that_is_gone_and_a_shard_of_a_command_end_nothing(tmp_path):
    mixture = Mixture([write(tmp_path / "a", "folder", [b"one", b"two"])])
    before = mixture.contents()
    (tmp_path / "a" / "1.jpg").unlink()
    assert mixture.contents() != before
    options = SourceOptions(samples_per_shard=2, shard_cache=tmp_path)
    assert open_source("pipe:cat {0..1}.tar", options)[0].contents() == ""
