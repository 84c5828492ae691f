"""What `srun` sets, and processes that meet by it."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vos.errors import InputError
from vos.runtime.slurm import first_host, slurm_step

ROOT = Path(__file__).resolve().parents[3]
STEP = {
    "SLURM_PROCID": "3",
    "SLURM_NTASKS": "4",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_JOB_NODELIST": "gpu[07-08]",
}


@pytest.mark.parametrize(
    ("nodes", "host"),
    [
        ("gpu7", "gpu7"),
        ("gpu[01-04,07],cpu3", "gpu01"),
        ("gpu[3,5]", "gpu3"),
        ("a3,b[1-2]", "a3"),
        ("rack[2-3]node[10-11]-ib", "rack2node10-ib"),
        ("10.0.0.3", "10.0.0.3"),
        ("", ""),
    ],
)
def test_the_first_host_of_a_short_list(nodes, host):
    assert first_host(nodes) == host


def test_a_step_is_read():
    step = slurm_step(STEP)
    assert (step.rank, step.size, step.local_rank, step.host) == (3, 4, 1, "gpu07")
    other = slurm_step({**STEP, "SLURM_STEP_NODELIST": "gpu09", "SLURM_JOB_ID": "5"})
    assert other.host == "gpu09"
    assert other.port != step.port
    given = slurm_step({**STEP, "MASTER_ADDR": "10.0.0.3", "MASTER_PORT": "1234"})
    assert given.address == "tcp://10.0.0.3:1234?rank=3&world_size=4"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SLURM_NTASKS": "4", "SLURM_JOB_NODELIST": "gpu7"},  # a shell of salloc
        {**STEP, "SLURM_PROCID": "0", "ENVIRONMENT": "BATCH"},  # a batch script itself
        {**STEP, "SLURM_STEP_NUM_TASKS": "1"},  # one task of a job of four
    ],
)
def test_without_a_step_of_several_there_is_none(environment):
    assert slurm_step(environment) is None


def test_a_step_of_a_batch_script_is_one():
    assert slurm_step({**STEP, "ENVIRONMENT": "BATCH", "SLURM_STEP_ID": "0"}).size == 4


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"SLURM_JOB_NODELIST": ""}, "SLURM_JOB_NODELIST are not set"),
        ({"SLURM_LOCALID": None}, "SLURM_LOCALID is not set"),
        ({"SLURM_NTASKS": "four"}, "SLURM_NTASKS is 'four', where srun sets a number"),
    ],
)
def test_what_is_missing_is_named(change, text):
    environment = {k: v for k, v in {**STEP, **change}.items() if v is not None}
    with pytest.raises(InputError, match=text):
        slurm_step(environment)


CODE = """
from vos.runtime.distributed import team
with team() as t:
    print(t.rank, t.size, t.local_rank, t.gather(t.rank), t.from_leader(lambda: "x"))
"""


def test_two_local_processes_of_a_step_meet():
    pytest.importorskip("torch")  # for the processes started below
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    hidden = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}
    plain = {k: v for k, v in os.environ.items() if k not in hidden and "SLURM" not in k}
    common = {"SLURM_NTASKS": "2", "SLURM_JOB_NODELIST": "localhost", "SLURM_JOB_ID": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CODE],
            cwd=ROOT,
            env={**plain, **common, "SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank),
                 "SLURM_NODEID": "0", "MASTER_PORT": str(port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert "0 2 0 [0, 1] x" in said[0]
    assert "1 2 1 [0, 1] x" in said[1]
