"""Names of samples: any text, and what is no text."""

import os

from pretrain.sources.mixture import open_source
from pretrain.sources.source import NameTable
from tests.pretrain.sources.archives import RANDOM, jpeg


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
