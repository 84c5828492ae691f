"""Settings of a run: what is refused, and how they are written."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from pretrain.config.run_config import ProbeOptions, RunConfig
from pretrain.sources.options import SourceOptions
from vos.errors import InputError


@pytest.mark.parametrize(
    "change",
    [
        {"num_workers": -1},
        {"checkpoint_minutes": 0.0},
        {"keep_checkpoints": 0},
        {"keep_every": -1},
        {"keep_every": 3, "checkpoint_epochs": 2},
        {"resume": "a.pth", "init_from": "b.pth"},
    ],
)
def test_run_settings_are_checked(change):
    with pytest.raises(InputError):
        RunConfig(**change)


@pytest.mark.parametrize("change", [{"probe_epochs": -1}, {"davis_sequences": 0}])
def test_settings_of_probes_are_checked(change):
    with pytest.raises(InputError, match="expected a whole number"):
        ProbeOptions(**change)


def test_settings_are_written_flat():
    sources = SourceOptions(cache_gb=2.0)
    run = RunConfig(sources=sources, probes=ProbeOptions(davis_path=Path("DAVIS")))
    written = json.loads(json.dumps(run.as_dict()))
    assert written["cache_gb"] == 2 and written["davis_path"] == "DAVIS"
    assert written["output_dir"] == "runs/pretrain" and written["data_path"] == []
    names = {
        field.name for part in (RunConfig, SourceOptions, ProbeOptions) for field in fields(part)
    }
    assert set(written) == names - {"sources", "probes"}
