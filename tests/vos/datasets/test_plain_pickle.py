import os
import pickle

import numpy as np
import pytest

from vos.datasets.plain_pickle import load_plain_pickle
from vos.errors import InputError


class Malicious:
    def __reduce__(self):
        return os.system, ("exit 3",)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_arrays_stay_arrays(tmp_path, protocol):
    contents = {"a": np.arange(6, dtype=np.uint8).reshape(2, 3), "b": [np.array([True]), "text"]}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(contents, protocol=protocol))
    read = load_plain_pickle(tmp_path / "x.pkl")
    np.testing.assert_array_equal(read["a"], contents["a"])
    assert read["a"].dtype == np.uint8 and read["b"][0].dtype == bool and read["b"][1] == "text"


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("dtype", [">f8", "<f8", ">i2", "<U3"])
def test_numbers_keep_their_byte_order(tmp_path, protocol, dtype):
    values = np.arange(3).astype(dtype)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(values, protocol=protocol))
    np.testing.assert_array_equal(load_plain_pickle(tmp_path / "x.pkl"), values)
    assert np.dtype("f8").isnative and np.dtype("i2").isnative  # numpy's own are as they were


def test_what_else_it_asks_for_is_said(tmp_path):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps([1, Malicious()]))
    with pytest.raises(InputError, match=r"asks for \w+\.system, .* it was not run"):
        load_plain_pickle(tmp_path / "x.pkl")


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(InputError, match="cannot be read as a pickle"):
        load_plain_pickle(tmp_path / "x.pkl")
    (tmp_path / "x.pkl").write_bytes(b"\x80\x04}")
    with pytest.raises(InputError, match="cannot be read as a pickle"):
        load_plain_pickle(tmp_path / "x.pkl")
