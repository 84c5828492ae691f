"""Labels and states on disk; what is damaged counts as missing."""

import os

import torch

from vos.app.engine.propagating.pass_store import PassStore
from vos.propagation.snapshot import MemoryState, Snapshot
from vos.segmentation.passes.pass_labels import FrameLabels

LABELS = FrameLabels(torch.rand(2, 3, 4), (7,), None)
STATE = Snapshot(4, MemoryState((), {}, {}, {}, {}))


def test_labels_come_back_to_the_bit(tmp_path):
    store = PassStore(tmp_path, 1 << 30)
    store.write_labels("chain", 3, LABELS, adaptive=True)
    again = PassStore(tmp_path, 1 << 30)
    assert torch.equal(again.labels("chain", 3).labels, LABELS.labels)
    assert again.is_adaptive("chain") is True
    assert again.labels("chain", 4) is None
    assert again.is_adaptive("other") is None


def test_damaged_files_count_as_missing(tmp_path):
    store = PassStore(tmp_path, 1 << 30)
    store.write_labels("chain", 3, LABELS, adaptive=False)
    store.write_state("chain", 3, STATE)
    assert store.state("chain", 3).number == 4
    for path in (tmp_path / "chain").iterdir():
        path.write_bytes(path.read_bytes()[:20])
    again = PassStore(tmp_path, 1 << 30)
    assert again.labels("chain", 3) is None
    assert again.state("chain", 3) is None
    assert again.is_adaptive("chain") is None


def test_states_of_a_chain_are_bounded(tmp_path):
    store = PassStore(tmp_path, 1 << 30)
    store.write_labels("chain", 0, LABELS, adaptive=False)
    for frame in range(100):
        store.write_state("chain", frame, STATE)
    kept = [frame for frame in range(100) if store.has_state("chain", frame)]
    assert len(kept) <= 64
    assert kept[0] == 0
    assert kept[-1] == 99


def test_the_chains_used_longest_ago_make_room(tmp_path):
    store = PassStore(tmp_path, 0)
    for age, name in enumerate(["new", "used", "old"]):
        store.write_labels(name, 0, LABELS, adaptive=False)
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    store.make_room({"used"})
    assert [path.name for path in tmp_path.iterdir()] == ["used"]
    PassStore(tmp_path / "nowhere", 0).make_room(())
