"""Help and usage errors of every verb answer without loading what takes seconds to load."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vos.cli import VERBS

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "timm", "torchvision", "cv2", "av", "PIL", "scipy")
CODE = f"""
import sys
from vos.cli import VERBS
from vos.cli.verbs import run_verbs
status = run_verbs("vos", "", VERBS, sys.argv[1:])
print("status", status, "loaded", [name for name in {HEAVY!r} if name in sys.modules])
"""


def answer(*arguments):
    """Run `vos` in a process of its own; return (status and modules, standard error)."""
    run = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return run.stdout.splitlines()[-1], run.stdout + run.stderr


WEIGHTS = [("weights", verb) for verb in ("list", "download", "info", "verify")]


@pytest.mark.parametrize("words", [(verb.name,) for verb in VERBS] + WEIGHTS, ids=" ".join)
def test_help(words):
    last, text = answer(*words, "--help")
    assert last == "status 0 loaded []"
    assert f"usage: vos {words[0]}" in text


@pytest.mark.parametrize("verb", [verb.name for verb in VERBS])
def test_an_unknown_option(verb):
    last, _ = answer(verb, "--nonsense")
    assert last == "status 2 loaded []"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("nonsense", "no verb 'nonsense'"),
        ("segment --topk", "--topk"),
        ("segment clip.mp4 -o out --mask first.png --upsampling cubic", "cubic"),
        ("segment clip.mp4 -o out --mask first.png --topk 0", "topk is 0"),
        ("segment clip.mp4 -o out --mask first.png --threads 0", "--threads 0: expected 1 or more"),
        ("segment clip.mp4 -o out", "no mask was given"),
        ("segment clip.mp4 -o out", "vos frame clip.mp4 -n 0 -o frame.png writes the frame"),
        ("segment clip.mp4", "give a video and -o OUT"),
        ("segment clip.mp4", "In a paint program, open it and draw each object"),
        ("segment clip.mp4 --mask first.png", "give a video and -o OUT"),
        ("segment clip.mp4 -o out --mask first.png --pixel-size 2", "add --measure"),
        ("frame clip.mp4 -n 1 2 -o out.png", "do not go into one file"),
        ("frame clip.mp4 -n -1 -o out", "expected 0 or more"),
        ("segment clip.mp4 --batch list.csv", "give no others beside it"),
        ("evaluate out truth --missing sometimes", "sometimes"),
        ("attention photo.jpg -o setup.cfg/out --stride 0", "stride is 0"),
        ("features clip.mp4 -o out.txt", "FILE.npz, FILE.safetensors"),
        ("export -o out.txt", "ending says no form of export"),
        ("export -o out.pt --format onnx", "ends in .onnx"),
        ("demo --precision fp8", "fp8"),
        ("weights nonsense", "nonsense"),
    ],
)
def test_bad_options(arguments, text):
    last, printed = answer(*arguments.split())
    assert last == "status 2 loaded []"
    assert text in " ".join(printed.replace("│", " ").split())
