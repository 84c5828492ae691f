"""Shards out of a command: fetched once, mixed, and dropped for newer ones."""

import numpy as np
import pytest

from pretrain.sources.decode import BrokenImageError
from pretrain.sources.mixture import SourceOptions, open_source
from tests.pretrain.sources.archives import RANDOM, jpeg, make_tar
from vos.errors import InputError


def test_piped_shards_are_fetched_once_and_mixed(tmp_path):
    for number in range(6):
        make_tar(tmp_path / f"{number}.tar", ["0.jpg", "1.jpg"])
    log = tmp_path / "log"
    command = f"pipe:echo {{0..5}} >> {log}; cat {tmp_path}/{{0..5}}.tar"
    spec = command.replace("{0..5}.tar", "$N.tar").replace("echo {0..5}", "N={0..5}; echo $N")
    options = SourceOptions(samples_per_shard=2, shard_cache=tmp_path / "cache")
    (source,) = open_source(spec, options)
    assert len(source) == 12
    order = source.order(np.random.default_rng(0))
    assert sorted(order) == list(range(12))
    assert {int(i) // 2 for i in order[:8]} != {0, 1, 2, 3, 4, 5}
    for index in order:
        assert source.read(int(index), RANDOM) == jpeg(int(index) % 2 * 10)
    assert len(log.read_text().split()) == 6
    assert source.name(3).endswith("#1") and len(source.fingerprint()) == 64


def test_piped_shards_make_room(tmp_path):
    size = make_tar(tmp_path / "0.tar", ["0.jpg"]).stat().st_size
    make_tar(tmp_path / "1.tar", ["0.jpg"])
    options = SourceOptions(
        samples_per_shard=1, shard_cache=tmp_path / "cache", cache_gb=1.5 * size / 1e9
    )
    (source,) = open_source(f"pipe:cat {tmp_path}/{{0..1}}.tar", options)
    for index in (0, 1, 0):
        source.read(index, RANDOM)
        assert len(list((tmp_path / "cache").glob("*.tar"))) == 1


def test_making_room_leaves_shards_that_are_being_fetched(tmp_path):
    make_tar(tmp_path / "0.tar", ["0.jpg"])
    cache = tmp_path / "cache"
    cache.mkdir()
    fetched_by_another = cache / ".x.part.tar"
    fetched_by_another.write_bytes(b"half")
    (cache / "gone.tar").symlink_to(cache / "dropped by another")
    options = SourceOptions(samples_per_shard=1, shard_cache=cache, cache_gb=1e-9)
    (source,) = open_source(f"pipe:cat {tmp_path}/0.tar", options)
    assert source.read(0, RANDOM) == jpeg(0)
    assert fetched_by_another.exists()


def test_a_failing_pipe_says_what_the_command_said(tmp_path):
    options = SourceOptions(samples_per_shard=1, shard_cache=tmp_path / "cache")
    (source,) = open_source("pipe:echo no such bucket >&2; exit 3", options)
    with pytest.raises(BrokenImageError, match=r"status 3: no such bucket"):
        source.read(0, RANDOM)
    (junk,) = open_source("pipe:echo junk", options)
    with pytest.raises(BrokenImageError, match="no readable tar"):
        junk.read(0, RANDOM)
    with pytest.raises(InputError, match="--samples-per-shard"):
        open_source("pipe:cat x")
