import json

import torch

from benchmarks.reporting.run_state import RunState
from vos.runtime.distributed import Team


def test_the_leading_process_writes_how_a_run_stands(tmp_path):
    state = RunState(tmp_path, {"points": {"sigma": 0.5}}, Team(), torch.device("cpu"))
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["state"] == "running" and record["settings"] == {"points": {"sigma": 0.5}}
    assert record["processes"] == 1 and len(record["machines"]) == 1
    state.state = "complete"
    state.write()
    assert json.loads((tmp_path / "run.json").read_text())["state"] == "complete"


def test_other_processes_write_nothing(tmp_path):
    RunState(tmp_path, {}, Team(rank=1), torch.device("cpu"))
    assert not (tmp_path / "run.json").exists()
