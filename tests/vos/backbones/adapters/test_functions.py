"""Backbones by FILE.py:FUNCTION and PACKAGE.MODULE:FUNCTION."""

import re

import pytest
import torch

import vos
from tests.data.own_backbones import modules_forgotten, write_network
from vos.errors import InputError
from vos.files import sha256_of


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Load from the folder, and leave neither its modules nor its place among Python's."""
    monkeypatch.chdir(tmp_path)
    with modules_forgotten(tmp_path):
        yield lambda name, **more: vos.load_backbone(name, device="cpu", precision="fp32", **more)


@pytest.mark.parametrize(
    ("function", "name"), [("make", "Net"), ("wrapped", "mine"), ("Own", "Own")]
)
def test_a_function_of_a_file(load, tmp_path, function, name):
    file = write_network(tmp_path / "net.py")
    backbone = load(f"net.py:{function}")
    about = backbone.describe()
    assert (about["name"], about["stride"], about["dim"]) == (name, 8, 6)
    assert about["function"] == f"net.py:{function}"
    assert about["function_sha256"] == sha256_of(file)
    assert len(about["sha256"]) == 64
    assert backbone(torch.rand(1, 3, 16, 24)).shape == (1, 6, 2, 3)


def test_a_function_of_a_package(load, tmp_path):
    (tmp_path / "my_networks").mkdir()
    file = write_network(tmp_path / "my_networks" / "small.py")
    about = load("my_networks.small:make").describe()
    assert about["function_sha256"] == sha256_of(file)


def test_modules_beside_the_file_are_imported(load, tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    write_network(folder / "beside_it.py")
    (folder / "entry.py").write_text("from beside_it import wrapped\n")
    assert load("elsewhere/entry.py:wrapped").dim == 6


def test_a_changed_file_is_read_again(load, tmp_path):
    write_network(tmp_path / "net.py")
    first = load("net.py:make")
    write_network(tmp_path / "net.py", "\nNet.__init__.__defaults__ = (7,)\n")
    second = load("net.py:make")
    assert (first.dim, second.dim) == (6, 7)
    assert first.record.function_sha256 != second.record.function_sha256


MORE = """
def nothing():
    pass


def features():
    return 7


def silent():
    return Net()


def broken():
    return {}["weights"]


def needy(path):
    return Net()
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("absent.py:make", "there is no file absent.py; expected FILE.py:FUNCTION"),
        ("net.py:mak", "has no function mak; it has Net, make, wrapped, Own"),
        ("net.py:", "expected FILE.py:FUNCTION or PACKAGE.MODULE:FUNCTION"),
        ("net.py:nothing", "net.py:nothing returned nothing: a backbone is expected"),
        ("net.py:features", "net.py:features returned int: a backbone is expected"),
        ("net.py:silent", "returned Net: the module Net does not say its stride, mean, std"),
        ("net.py:broken", r"net.py:broken failed: KeyError: 'weights' .*net.py, line \d+"),
        ("net.py:needy", "net.py:needy failed: TypeError: .*missing 1 required"),
        ("no_such_package.net:make", "there is no module no_such_package.*timm:NAME"),
        ("net.absent:make", "there is no module net.absent"),
        ("wrong.py:make", r"wrong.py cannot be run: SyntaxError: .*wrong.py, line 1"),
        ("lacking.py:make", "lacking.py cannot be run: ModuleNotFoundError: No module named 'lack"),
        ("lacking:make", "lacking cannot be run: ModuleNotFoundError: No module named 'lacked'"),
        ("net.txt/:make", "there is no file net.txt"),
    ],
)
def test_what_cannot_be_is_named(load, tmp_path, name, text):
    write_network(tmp_path / "net.py", MORE)
    (tmp_path / "wrong.py").write_text("def make(:\n")
    (tmp_path / "lacking.py").write_text("import lacked\n")
    with pytest.raises(InputError) as raised:
        load(name)
    assert re.search(text, str(raised.value)), raised.value


def test_weights_and_a_function_exclude_each_other(load, tmp_path):
    write_network(tmp_path / "net.py")
    for more in ({"weights": "a.pth"}, {"untrained": True}):
        with pytest.raises(InputError, match="gives its own weights; leave out weights"):
            load("net.py:make", **more)


def test_a_module_without_a_file_has_no_such_function(load, tmp_path):
    (tmp_path / "only_a_folder").mkdir()
    for name in ("sys:nothing", "only_a_folder:nothing"):
        with pytest.raises(InputError, match=r"(sys|only_a_folder) has no function nothing"):
            load(name)
