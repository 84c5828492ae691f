import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from benchmarks.retrieval.plain_pickle import read_plain_pickle
from vos.errors import InputError


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("number", [np.int64(3), np.float32(1.5), 7])
def test_plain_pickles_of_all_protocols(tmp_path, protocol, number):
    held = {"a": np.arange(3), "b": [np.array([[1.5, 2]]), "text", number], "c": (b"x", None, True)}
    held["d"] = np.array(["one", "two"])
    held["e"] = np.asfortranarray([[1, 2], [3, 4]])
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(held, protocol=protocol))
    read = read_plain_pickle(tmp_path / "x.pkl")
    assert read == {
        "a": [0, 1, 2],
        "b": [[[1.5, 2.0]], "text", number],
        "c": [b"x", None, True],
        "d": ["one", "two"],
        "e": [[1, 2], [3, 4]],
    }


class Malicious:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_malicious_pickles_run_nothing(tmp_path):
    mark, path = tmp_path / "mark", tmp_path / "gnd.pkl"
    for bad in (
        Malicious(os.system, f"touch {mark}"),
        Malicious(eval, f"open({str(mark)!r}, 'w')"),
        Malicious(exec, f"open({str(mark)!r}, 'w')"),
        Malicious(getattr, "a", "upper"),
        Malicious(np.load, "x"),
        {"gnd": [Malicious(open, str(mark), "w")]},
    ):
        path.write_bytes(pickle.dumps(bad))
        with pytest.raises(InputError, match=r"was not run"):
            read_plain_pickle(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "value",
    [
        OrderedDict(a=1),
        np.array([OrderedDict()], dtype=object),
        np.zeros(2, dtype=[("a", "i4")]),
        np.ma.array([1]),
        {1, 2},
        Malicious(np.ndarray, (3,)),
    ],
    ids=["class", "objects", "fields", "subclass", "set", "call"],
)
def test_what_is_not_plain_is_refused(tmp_path, value):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(value, protocol=4))
    with pytest.raises(InputError):
        read_plain_pickle(tmp_path / "x.pkl")


def test_codec_that_is_not_latin1_is_refused(tmp_path):
    import _codecs

    (tmp_path / "x.pkl").write_bytes(pickle.dumps(Malicious(_codecs.encode, "a", "rot13")))
    with pytest.raises(InputError, match="codec"):
        read_plain_pickle(tmp_path / "x.pkl")


def test_cut_off_pickle(tmp_path):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": [1, 2]})[:-3])
    with pytest.raises(InputError, match="cannot be read as a pickle"):
        read_plain_pickle(tmp_path / "x.pkl")
