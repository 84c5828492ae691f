"""Help and usage errors answer in a blink: nothing heavy is imported for them."""

import json
import subprocess
import sys

import pytest

from benchmarks.cli import VERBS

HEAVY = (
    "torch", "timm", "torchvision", "cv2", "av", "scipy", "matplotlib", "PIL", "safetensors",
)  # fmt: skip
CODE = """
import json, sys
from benchmarks.cli import VERBS
from vos.cli.verbs import run_verbs
status = run_verbs("vos-bench", "", VERBS, sys.argv[2:])
loaded = [name for name in json.loads(sys.argv[1]) if name in sys.modules]
print("\\n" + json.dumps([status, loaded]))
"""


def answer(*arguments):
    """Return the exit status of `vos-bench` and the heavy modules that it imported."""
    finished = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(HEAVY), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_help_loads_nothing_heavy(verb):
    assert answer(verb, "--help") == [0, []]


def test_the_list_of_verbs_loads_nothing_heavy():
    assert answer("--help") == [0, []]


@pytest.mark.parametrize(
    "arguments",
    [
        ("knn",),
        ("knn", "-o", "out", "--unknown"),
        ("knn", "-o", "out", "--k", "0"),
        ("linear", "-o", "out", "--epochs", "0"),
        ("linear", "-o", "out", "--features", "f.safetensors"),
        ("retrieval", "--root", "r", "-o", "out", "--datasets"),
        ("copy-detection", "--root", "r", "-o", "out", "--places", "0"),
        ("attention-segmentation", "--data", "d", "-o", "out", "--mass", "2"),
        ("finetune", "-o", "out", "--column", "none"),
        ("throughput", "-o", "out", "--batches", "0"),
        ("davis",),
        ("davis", "--compare", "a", "b", "--data", "d"),
        ("compare", "a"),
        ("jhmdb", "-o", "out"),
        ("jhmdb", "--data", "d", "-o", "out", "--preset", "dino-davis"),
        ("vip", "--data", "d", "-o", "out", "--preset", "nothing"),
        ("badja", "--data", "d", "-o", "out", "--topk", "0"),
        ("tap-vid", "--data", "d", "-o", "out", "--queries", "all"),
        ("sweep", "--data", "d", "-o", "out", "--grid", "topk"),
        ("sweep", "--data", "d", "-o", "out", "--grid", "topk=1", "--first-frames", "1"),
        ("speed", "--rounds", "0"),
        ("speed-scoring", "--predictions", "p", "--davis", "d", "--rounds", "0"),
        ("all", "--config", "nowhere.json", "-o", "out"),
        ("nothing",),
    ],
    ids=" ".join,
)
def test_usage_errors_load_nothing_heavy(arguments):
    assert answer(*arguments) == [2, []]


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_help_has_an_example_and_the_output_as_o(verb, run_program):
    text = " ".join(run_program("vos-bench", verb, "--help").split())
    assert f"Example: vos-bench {verb} " in text
    assert " -o " in text
    assert "options options" not in text
    assert "extraction." not in text
