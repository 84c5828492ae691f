"""What good checkpoints hold beside tensors is read; what others ask for is named, never run."""

import argparse
import collections
import os
import pathlib
import pickle
import sys
import types
import zipfile

import numpy as np
import pytest
import torch

from vos.backbones.checkpoint_layouts.pickles import read_pickle
from vos.backbones.checkpoints import load_checkpoint
from vos.errors import InputError

STATE = {"patch_embed.proj.weight": torch.ones(4, 3, 2, 2)}


class Evil:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.5), 0.5),
        (np.float32(0.25), 0.25),
        (np.int64(-7), -7),
        (np.bool_(True), True),
        (np.dtype(">i4").type(5), 5),
        (pathlib.PosixPath("/a/b"), pathlib.PurePosixPath("/a/b")),
        (pathlib.PureWindowsPath("c:/a"), pathlib.PureWindowsPath("c:/a")),
        (collections.defaultdict(list, {"a": [1]}), {"a": [1]}),
    ],
)
@pytest.mark.parametrize("inside_args", [False, True])
@pytest.mark.parametrize("as_zip", [False, True])
def test_numbers_paths_and_settings_beside_the_tensors(
    tmp_path, value, expected, inside_args, as_zip
):
    beside = argparse.Namespace(value=value) if inside_args else value
    path = tmp_path / "w.pth"
    torch.save({**STATE, "beside": beside}, path, _use_new_zipfile_serialization=as_zip)
    read = read_pickle(path)["beside"]
    assert (read.value if inside_args else read) == expected
    assert set(load_checkpoint(path).state) == set(STATE)


@pytest.mark.parametrize("array", [np.arange(3), np.array(["a"]), np.array([{}], dtype=object)])
def test_arrays_beside_the_tensors(tmp_path, array):
    torch.save({"state_dict": STATE, "losses": array}, tmp_path / "w.pth")
    assert set(load_checkpoint(tmp_path / "w.pth").state) == set(STATE)


def library_class(monkeypatch, name, base):
    """Return a class that pickles under the name of a library that is not installed."""
    module, _, last = name.rpartition(".")
    made = type(last, (base,), {"__module__": module, "__qualname__": last})
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        dotted = ".".join(parts[:count])
        monkeypatch.setitem(sys.modules, dotted, types.ModuleType(dotted))
    setattr(sys.modules[module], last, made)
    return made


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("pytorch_lightning.utilities.parsing.AttributeDict", dict),
        ("omegaconf.dictconfig.DictConfig", object),
        ("mmengine.logging.history_buffer.HistoryBuffer", object),
    ],
)
def test_settings_of_libraries_that_are_not_here(tmp_path, monkeypatch, name, base):
    settings = library_class(monkeypatch, name, base)()
    if base is dict:
        settings["num_heads"] = 3
    else:
        settings.values = [1]
    torch.save({"state_dict": STATE, "hyper_parameters": settings}, tmp_path / "w.pth")
    monkeypatch.undo()
    assert set(load_checkpoint(tmp_path / "w.pth").state) == set(STATE)
    if base is dict:
        assert read_pickle(tmp_path / "w.pth")["hyper_parameters"] == {"num_heads": 3}


def test_an_array_of_objects_runs_nothing(tmp_path):
    marker = tmp_path / "it-ran"
    array = np.array([Evil(marker)], dtype=object)
    torch.save({"state_dict": STATE, "losses": array}, tmp_path / "w.pth")
    with pytest.raises(InputError, match=r"\.system"):
        load_checkpoint(tmp_path / "w.pth")
    assert not marker.exists()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_refusal_names_what_the_pickle_asks_for(tmp_path, protocol):
    marker = tmp_path / "it-ran"
    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps({"state_dict": Evil(marker)}, protocol))
    with pytest.raises(InputError, match=rf"asks to run {os.name}\.system") as raised:
        load_checkpoint(path)
    assert "Nothing of it was run" in str(raised.value)
    assert not marker.exists()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("as_zip", [False, True])
def test_a_whole_model_is_told(tmp_path, nested, as_zip):
    model = torch.nn.Sequential(torch.nn.Linear(3, 3))
    path = tmp_path / "w.pth"
    torch.save({"model": model} if nested else model, path, _use_new_zipfile_serialization=as_zip)
    with pytest.raises(InputError, match="whole model") as raised:
        load_checkpoint(path)
    assert "state_dict()" in str(raised.value)
    assert "torch.nn.modules.container.Sequential" in str(raised.value)


def test_a_dictionary_as_a_key_is_damage(tmp_path):
    head = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
    (tmp_path / "w.pth").write_bytes(head + b"\x80\x02}(}K\x01u.")
    with pytest.raises(InputError, match=r"w\.pth"):
        load_checkpoint(tmp_path / "w.pth")


def test_an_archive_of_other_files_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("weights/readme.txt", "no weights")
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        read_pickle(tmp_path / "a.pth")


def test_a_compressed_archive_that_is_damaged_is_refused(tmp_path):
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", np.random.default_rng(0).bytes(4000).hex())
    data = bytearray(path.read_bytes())
    data[100:200] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(InputError, match="cannot be read as a checkpoint"):
        read_pickle(path)
