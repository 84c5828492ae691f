"""Training steps of a GPU against those of the CPU, in all precisions, and checkpoints between."""

import pytest
import torch

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.training.checkpoints import (
    RunFacts,
    read_training_checkpoint,
    save_checkpoint,
)
from pretrain.training.learner import Learner
from pretrain.training.restoration import restore
from pretrain.training.schedules import build_schedules
from tests.pretrain.runs import tiny_vit
from tests.pretrain.training.test_learner import SMALL, crops
from vos.runtime.devices import set_exact_products

__all__ = ["tiny_vit"]
pytestmark = pytest.mark.gpu
CONFIG = PretrainConfig(**SMALL)
CPU = torch.device("cpu")


def learner(device, precision="fp32", compiled=False):
    set_exact_products(device)
    return Learner(CONFIG, build_schedules(CONFIG, 3, 4), device, precision, compiled)


def losses(subject, steps=3):
    return [subject.step([c.to(subject.device) for c in crops(i)])["loss"] for i in range(steps)]


def test_three_steps_are_those_of_the_cpu(gpu):
    assert losses(learner(gpu)) == pytest.approx(losses(learner(CPU)), rel=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_step_of_16_bits_is_near(gpu, precision):
    expected = losses(learner(CPU), steps=1)
    assert losses(learner(gpu, precision), steps=1) == pytest.approx(expected, rel=2e-2)


def test_the_compiled_step_is_the_plain_one(gpu):
    assert losses(learner(gpu, compiled=True)) == pytest.approx(losses(learner(gpu)), rel=1e-4)


def test_an_overflow_of_fp16_is_skipped_and_recovered_from(gpu):
    subject = learner(gpu, "fp16")
    subject.scaler.load_state_dict({**subject.scaler.state_dict(), "scale": 8.0})
    broken = [crop.to(gpu) * float("inf") for crop in crops(0)]
    assert subject.step(broken)["skipped"] == 1
    assert subject.scaler.get_scale() == 4
    assert subject.step([crop.to(gpu) for crop in crops(1)])["skipped"] == 0


def test_checkpoints_go_from_the_cpu_to_the_gpu_and_back(gpu, tmp_path):
    facts = RunFacts(CONFIG, "", "", 4)
    first, second, third, alone = learner(CPU), learner(gpu), learner(CPU), learner(CPU)
    for before, after in ((first, second), (second, third)):
        before.step([crop.to(before.device) for crop in crops(before.step_index)])
        path = save_checkpoint(tmp_path, before, facts, 3)
        restore(after, read_training_checkpoint(path), facts, path)
    last = third.step(crops(2))["loss"]
    assert third.step_index == 3
    assert last == pytest.approx(losses(alone)[-1], rel=1e-4)
