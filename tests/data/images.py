"""Small images, weights and command lines for the tests of the benchmarks."""

import cv2
import numpy as np
import torch

from vos.backbones.networks.vit import VisionTransformer
from vos.cli.verbs import Verb, run_verbs

TARGETS = {
    "knn": "benchmarks.classification.knn:Knn",
    "linear": "benchmarks.classification.linear:Linear",
    "retrieval": "benchmarks.retrieval.landmark_retrieval:Retrieval",
    "copy-detection": "benchmarks.retrieval.copy_detection:CopyDetection",
    "attention-segmentation": "benchmarks.attention.segmentation:AttentionSegmentation",
    "finetune": "benchmarks.finetuning.finetune:Finetune",
    "throughput": "benchmarks.speed.throughput:Throughput",
    "all": "benchmarks.cli.suite:Suite",
}
COLOURS = {"blue": (40, 60, 220), "green": (30, 200, 40), "red": (220, 50, 40)}


def bench(*arguments):
    """Run `vos-bench` and return its exit status."""
    verbs = [Verb(name, name, target) for name, target in TARGETS.items()]
    return run_verbs("vos-bench", "", verbs, [str(a) for a in arguments])


def said(capsys):
    """Return what was printed as an error, without the frames and line ends of tyro's messages."""
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


def save_weights(path, depth=4):
    """Save a ViT of patch 16, width 64, whose class token and patches depend on colours."""
    torch.manual_seed(0)
    network = VisionTransformer(16, 64, depth, 1, img_size=64)
    torch.save(network.state_dict(), path)
    return path


def picture(colour, seed, height=64, width=64):
    """Return a noisy RGB uint8 picture of one colour."""
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def write_picture(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    return path


def write_classes(root, per_class=4, start=0):
    """Write a folder of three classes that colour tells apart."""
    for name, colour in COLOURS.items():
        for number in range(per_class):
            write_picture(root / name / f"{number}.png", picture(colour, start + number))
    return root
