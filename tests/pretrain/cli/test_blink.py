"""Help and usage errors are said without loading what training needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from pretrain.cli import VERBS

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "timm", "torchvision", "cv2", "av", "decord", "scipy", "matplotlib")
LOADED = (
    "import sys; from pretrain.cli import run; status = run(sys.argv[1:]); "
    f"print([name for name in {HEAVY} if name in sys.modules], status)"
)


def last_line_of(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1]


def test_the_list_of_verbs_loads_little():
    assert last_line_of("--help") == "[] 0"


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_the_help_of_a_verb_loads_little(verb):
    assert last_line_of(verb, "--help") == "[] 0"


def test_the_help_with_the_values_of_a_preset_loads_little():
    assert last_line_of("train", "--preset", "small", "--help") == "[] 0"


@pytest.mark.parametrize(
    "arguments",
    [
        ("paint",),
        ("train",),
        ("train", "photos", "--data-path", "others"),
        ("train", "photos", "--nowhere"),
        ("train", "photos", "--preset", "huge"),
        ("train", "photos", "--teacher-temp", "9"),
        ("train", "photos", "--frames-per-video", "0"),
        ("train", "photos", "--probe-epochs", "-1"),
        ("check-data",),
        ("show-crops",),
        ("show-crops", "photos", "--preset", "huge"),
        ("export",),
        ("export", "run", "--format", "jpeg"),
        ("plot",),
        ("slurm", "--nodes", "few"),
    ],
    ids=" ".join,
)
def test_a_usage_error_loads_little(arguments):
    assert last_line_of(*arguments) == "[] 2"
