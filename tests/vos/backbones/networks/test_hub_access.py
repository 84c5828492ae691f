"""timm's weights without a network: refused at once, in a whole sentence."""

import socket
import time

import pytest
from huggingface_hub import constants

from vos.backbones.loading import load_backbone
from vos.backbones.networks.hub_access import can_connect, offline_if_unreachable
from vos.errors import InputError


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setattr("vos.backbones.networks.hub_access.getproxies", dict)


@pytest.fixture
def closed_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def test_a_connection_is_tried_once(closed_port, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert can_connect(address)
        monkeypatch.setattr(
            "vos.backbones.networks.hub_access.getproxies", lambda: {"https": address}
        )
        assert can_connect("https://hub.invalid")
    assert not can_connect(f"http://127.0.0.1:{closed_port}")


def slow_look_up(*_):
    time.sleep(2)
    raise OSError("no such name")


def test_a_slow_look_up_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(socket, "create_connection", slow_look_up)
    begin = time.monotonic()
    assert not can_connect("https://hub.invalid", patience=0.2)
    assert time.monotonic() - begin < 1.5


def test_the_client_is_offline_only_while_it_has_to_be(monkeypatch, closed_port):
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed_port}")
    before = constants.HF_HUB_OFFLINE
    with offline_if_unreachable() as reachable:
        assert not reachable
        assert constants.HF_HUB_OFFLINE
    assert before == constants.HF_HUB_OFFLINE


def test_timm_weights_without_a_network_fail_at_once(monkeypatch, closed_port, tmp_path):
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    begin = time.monotonic()
    with pytest.raises(InputError, match=r"not in the cache, and http.* cannot be reached"):
        load_backbone("timm:resnet10t", device="cpu")
    assert time.monotonic() - begin < 30
