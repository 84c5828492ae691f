"""Named weights: where files are looked for, download, verification, the verbs."""

import http.server
import socket
import threading
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

import vos.backbones.registry
import vos.backbones.weights
from vos.backbones.loading import load_backbone
from vos.backbones.networks.vit import VisionTransformer
from vos.backbones.registry import REGISTRY
from vos.backbones.weights import (
    check_file,
    find_weights,
    locate,
    packaged_file,
    search_path,
    verify_file,
)
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
from vos.errors import InputError
from vos.files import sha256_of

SMALL = "dino_small"  # a registry entry of the tests: patch 16, width 64, 2 blocks


def call(*argv):
    return run_verbs("vos", "", VERBS, ["weights", *map(str, argv)])


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no folder named in the environment."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("VOS_WEIGHTS", raising=False)
    return tmp_path / "cache" / "vos"


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return VisionTransformer(16, 64, 2, 1, img_size=64).state_dict()


@pytest.fixture
def served(tmp_path, monkeypatch, state):
    """A server on this machine, standing in for both addresses; the folder that it serves."""
    root = tmp_path / "served"
    (root / "official" / "small").mkdir(parents=True)
    (root / "hub" / "small.dino" / "resolve" / "main").mkdir(parents=True)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=str(root), **kwargs)

        def do_GET(self):
            asked.append((self.path, self.headers["User-Agent"]))
            target = root / self.path.lstrip("/")
            if target.with_suffix(".cut").exists():
                data = target.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                return
            super().do_GET()

        def log_message(self, *_):
            pass

    asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(vos.backbones.registry, "_OFFICIAL", f"{address}/official")
    monkeypatch.setattr(vos.backbones.registry, "_HUB", f"{address}/hub")
    entry = replace(
        REGISTRY["dino_vits16"],
        name=SMALL, embed_dim=64, depth=2, official="small", hub="small.dino",
    )  # fmt: skip
    monkeypatch.setitem(REGISTRY, SMALL, entry)
    torch.save(state, root / "official" / "small" / "small.pth")
    save_file(state, root / "hub" / "small.dino" / "resolve" / "main" / "model.safetensors")
    yield root, asked
    server.shutdown()
    server.server_close()


def official(root):
    return root / "official" / "small" / "small.pth"


def hub(root):
    return root / "hub" / "small.dino" / "resolve" / "main" / "model.safetensors"


def test_folders_are_searched_in_order(tmp_path, monkeypatch, cache):
    entry = REGISTRY["dino_vits8"]
    told, environment = tmp_path / "told", tmp_path / "environment"
    monkeypatch.setenv("VOS_WEIGHTS", str(environment))
    assert search_path(told) == [told, environment, cache]
    assert locate(entry, told) is None
    for folder in (cache, environment, told):
        folder.mkdir(parents=True)
        (folder / entry.file_name).write_bytes(b"")
        assert locate(entry, told) == folder / entry.file_name
    assert locate(entry) == environment / entry.file_name


def test_safetensors_of_that_name_are_found(cache):
    cache.mkdir(parents=True)
    path = cache / "dino_vitbase8_pretrain.safetensors"
    path.write_bytes(b"")
    assert locate(REGISTRY["dino_vitb8"]) == path


def test_a_download_is_checked_named_and_used(served, cache):
    root, asked = served
    calls = []
    path = find_weights(SMALL, progress=lambda done, total: calls.append((done, total)))
    assert path == cache / "small.pth"
    assert sha256_of(path) == sha256_of(official(root))
    size = path.stat().st_size
    assert calls[-1] == (size, size)
    assert asked[0][1].startswith("vos-toolkit/")
    assert sorted(p.name for p in cache.iterdir()) == ["small.pth", "small.pth.sha256"]
    assert find_weights(SMALL) == path
    assert len(asked) == 1  # the second time it was there
    assert verify_file(path, REGISTRY[SMALL]) == sha256_of(path)
    backbone = load_backbone(SMALL, device="cpu", precision="fp32")
    assert backbone.describe()["sha256"] == sha256_of(path)


def test_the_second_address_is_tried(served, tmp_path):
    root, asked = served
    official(root).unlink()
    path = find_weights(SMALL, tmp_path / "mine")
    assert path == tmp_path / "mine" / "small.safetensors"
    assert sha256_of(path) == sha256_of(hub(root))
    assert len(asked) == 2
    assert find_weights(SMALL, tmp_path / "mine") == path


def test_a_cut_transfer_leaves_nothing_and_goes_on_to_the_next(served, cache):
    root, _ = served
    official(root).with_suffix(".cut").touch()
    assert find_weights(SMALL).name == "small.safetensors"
    for path in cache.iterdir():
        path.unlink()
    hub(root).with_suffix(".cut").touch()
    with pytest.raises(InputError, match="the connection ended after"):
        find_weights(SMALL)
    assert not list(cache.iterdir())


def test_another_network_under_that_name_is_refused(served, cache):
    root, _ = served
    wrong = VisionTransformer(16, 64, 3, 1, img_size=64).state_dict()
    torch.save(wrong, official(root))
    assert find_weights(SMALL).name == "small.safetensors"
    for path in cache.iterdir():
        path.unlink()
    save_file(wrong, hub(root))
    with pytest.raises(InputError, match=r"what came is not dino_small: found .*64, 3 blocks"):
        find_weights(SMALL)
    assert not list(cache.iterdir())


def test_a_page_instead_of_a_file_is_refused(served, cache):
    root, _ = served
    for path in (official(root), hub(root)):
        path.write_text("<html>log in to this network</html>")
    with pytest.raises(InputError, match="Ways out") as raised:
        find_weights(SMALL)
    assert ".part" not in str(raised.value)
    assert not list(cache.iterdir())


def test_an_answer_that_is_no_http_is_told(monkeypatch, tmp_path):
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        for _ in range(2):
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 this is a mail server\r\n")

    threading.Thread(target=answer, daemon=True).start()
    address = f"http://127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setattr(vos.backbones.registry, "_OFFICIAL", address)
    monkeypatch.setattr(vos.backbones.registry, "_HUB", address)
    with server, pytest.raises(InputError, match="mail server"):
        find_weights("dino_vits8", tmp_path)


def test_without_a_network_the_ways_out_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr(vos.backbones.registry, "_OFFICIAL", "http://127.0.0.1:9")
    monkeypatch.setattr(vos.backbones.registry, "_HUB", "http://127.0.0.1:9")
    folder = tmp_path / "weights"
    with pytest.raises(InputError) as raised:
        find_weights("dino_vits8", folder)
    text = str(raised.value)
    assert str(folder / "dino_deitsmall8_pretrain.pth") in text
    assert "--weights FILE" in text
    assert "--backbone efficientnet_lite0" in text
    assert "http://127.0.0.1:9/dino_deitsmall8_pretrain/dino_deitsmall8_pretrain.pth" in text
    assert not folder.exists() or not list(folder.iterdir())
    with pytest.raises(InputError, match="not to be downloaded"):
        find_weights("dino_vits8", folder, download=False)


def test_a_changed_byte_is_seen(served):
    path = find_weights(SMALL)
    state = torch.load(path, weights_only=True)
    state["norm.bias"][0] += 1
    torch.save(state, path)
    with pytest.raises(InputError, match="has changed since its download"):
        verify_file(path, REGISTRY[SMALL])


def test_packaged_weights_have_no_download():
    with pytest.raises(InputError, match="needs no download"):
        vos.backbones.weights.download_weights("efficientnet_lite0")
    check_file(packaged_file(), REGISTRY["efficientnet_lite0"])


def test_verb_list(served, capsys):
    assert call("list") == 0
    told = capsys.readouterr().out
    lines = {line.split()[0]: line for line in told.splitlines()}
    assert set(REGISTRY) <= set(lines)
    assert "not here" in lines["dino_vits8"]
    assert str(packaged_file()) in lines["efficientnet_lite0"]
    assert "21.7 M" in lines["dino_vits8"]


def test_verbs_download_verify_info(served, cache, capsys):
    assert call("verify", SMALL) == 2
    assert f"vos weights download {SMALL}" in capsys.readouterr().err
    assert call("download", SMALL) == 0
    captured = capsys.readouterr()
    assert str(cache / "small.pth") in captured.out
    assert "MiB" in captured.err
    assert call("download", SMALL) == 0
    assert "is there already" in capsys.readouterr().out
    assert call("verify", SMALL) == 0
    assert "good, sha256" in capsys.readouterr().out
    assert call("info", cache / "small.pth") == 0
    told = capsys.readouterr().out
    assert "ViT, patch 16, width 64, 2 blocks, 1 heads, 3 channels" in told
    assert "layout: plain" in told
    assert sha256_of(cache / "small.pth") in told
    assert call("verify", "efficientnet_lite0") == 0
    assert call("download", "efficientnet_lite0") == 0
    assert call("download", "nothing") == 2
    assert call("info", cache / "none.pth") == 2


def test_verb_info_of_another_network_and_a_full_checkpoint(tmp_path, state, capsys):
    assert call("info", packaged_file()) == 0
    assert "not a ViT; the file does not say which" in capsys.readouterr().out
    full = {"teacher": {f"backbone.{k}": v for k, v in state.items()}, "epoch": 3}
    torch.save(full, tmp_path / "full.pth")
    assert call("info", tmp_path / "full.pth") == 0
    told = capsys.readouterr().out
    assert "layout: full, teacher network" in told
    assert "epoch: 3" in told


@pytest.mark.parametrize("content", [b"", b"\xff\xfe damaged"])
def test_a_damaged_record_of_the_hash_is_told(served, content):
    path = find_weights(SMALL)
    path.with_name(path.name + ".sha256").write_bytes(content)
    with pytest.raises(InputError, match="has changed since its download"):
        verify_file(path, REGISTRY[SMALL])
