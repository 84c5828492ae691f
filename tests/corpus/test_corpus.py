"""Every row of the table, run as a user runs it: right result, or a refusal with a sentence."""

import contextlib
import importlib
import io
import socket
import subprocess
import sys
import warnings

import pytest

from tests.corpus.rows import Run
from tests.corpus.table import ROWS
from tests.data.clips import Colours

PACKAGES = {"vos": "vos", "vos-pretrain": "pretrain", "vos-bench": "benchmarks"}
LOADERS = ("vos.cli.segment", "vos.cli.features", "vos.cli.attention", "vos.backbones.loading")


class Watched(Colours):
    """The network that sees colours; notes the corner of every frame that it is given."""

    def __init__(self, stop_at=0):
        super().__init__()
        self.levels = []
        self.stop_at = stop_at

    def block_features(self, images, numbers):
        corners = images[:, :, :8, :8].float().mean(dim=(1, 2, 3))
        if self.stop_at and len(self.levels) + 1 >= self.stop_at:
            raise KeyboardInterrupt
        self.levels += [255 * (0.2 * value + 0.5) for value in corners.tolist()]
        return super().block_features(images, numbers)


def parameters():
    for row in ROWS:
        mark = pytest.mark.xfail(strict=True, reason=f"not mended yet: {row.topic}")
        yield pytest.param(row, id=f"{row.topic}: {row.name}".replace(" ", "-"),
                           marks=[mark] if row.fails_today else [])  # fmt: skip


def run_command(row, folder, monkeypatch):
    """Run a row's command in its folder."""
    network, loads, waits = Watched(row.stop_at), [], []

    def load(_options):
        loads.append(1)
        return network

    command = row.make(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "80")
    for name, value in row.environment.items():
        monkeypatch.setenv(name, value)
    for name in row.absent:
        monkeypatch.setitem(sys.modules, name, None)
    if row.offline:
        monkeypatch.setattr("socket.getaddrinfo", unreachable)
        monkeypatch.setattr("time.sleep", waits.append)
    if not row.own_weights:
        for module in LOADERS:
            monkeypatch.setattr(importlib.import_module(module), "load_with_progress", load)
    monkeypatch.setattr("sys.argv", command)
    out, err = console("strict"), console("backslashreplace")
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
        pytest.raises(SystemExit) as end,
    ):
        warnings.simplefilter("always")
        importlib.import_module(f"{PACKAGES[command[0]]}.cli").main()
    text = " ".join(f"{printed(out)} {printed(err)}".replace("│", " ").split())
    status = int(end.value.code or 0)
    return Run(status, text, folder, network.levels, bool(loads), sum(waits))


def console(errors):
    """Return a text file as a terminal's is: UTF-8, with Python's way with what is not."""
    return io.TextIOWrapper(io.BytesIO(), "utf-8", errors)


def printed(file):
    file.flush()
    return file.buffer.getvalue().decode()


def unreachable(*_arguments, **_options):
    raise socket.gaierror(-3, "Temporary failure in name resolution")


@pytest.mark.parametrize("row", list(parameters()))
def test_outcome(row, tmp_path, monkeypatch):
    row.outcome.hold(run_command(row, tmp_path, monkeypatch))


def test_the_table_is_large_and_its_names_differ():
    names = [(row.topic, row.name) for row in ROWS]
    assert len(names) >= 150
    assert len(set(names)) == len(names)


def test_help_ends_quietly_where_its_reader_goes():
    command = f"{sys.executable} -m vos --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, 141)
