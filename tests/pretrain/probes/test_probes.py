"""Looks at the teacher: in the run's precision, from any source, leaving it as it is."""

import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from pretrain.models.student_teacher import build_backbone
from pretrain.probes.probes import Probes
from pretrain.sources.mixture import Mixture
from tests.pretrain.runs import CONFIG, labeled, learner_with, photos, settings, tiny_vit

__all__ = ["labeled", "photos", "tiny_vit"]


def test_a_look_leaves_the_statistics_of_batch_norm_alone(photos, labeled, tmp_path):
    config = replace(CONFIG, arch="timm:resnet18", drop_path_rate=0.0)
    backbone, _ = build_backbone(config, 0.0)
    learner = learner_with(backbone.train())
    run = settings(photos, tmp_path, knn_data=str(labeled))
    numbers, pictures = Probes(config, run, Mixture([str(photos)])).look(learner, 0)
    assert "knn_top1" in numbers and not pictures
    assert backbone.bn1.num_batches_tracked == 0 and backbone.training


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_looks_are_in_the_precision_of_the_run(photos, labeled, tmp_path, precision):
    backbone, _ = build_backbone(CONFIG, 0.0)
    seen = set()
    backbone.blocks[1].attn.qkv.register_forward_hook(lambda *a: seen.add((len(a[2]), a[2].dtype)))
    run = settings(photos, tmp_path, knn_data=str(labeled))
    probes = Probes(CONFIG, run, Mixture([str(photos)]))
    numbers, pictures = probes.look(learner_with(backbone, "cpu", precision), 0)
    dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[precision]
    assert seen == {(13, dtype), (1, dtype)}  # k-NN in one batch, attention image by image
    assert numbers.keys() == {"knn_top1", "knn_top5"} and pictures["attention"].dtype == np.uint8


def test_pictures_for_attention_may_come_from_a_pipe(photos, tmp_path):
    with tarfile.open(tmp_path / "0.tar", "w") as archive:
        archive.add(photos, "photos")
    run = settings(
        photos,
        tmp_path,
        attention_images=f"pipe:cat {tmp_path}/0.tar",
        samples_per_shard=13,
        shard_cache=tmp_path / "cache",
    )
    assert len(Probes(CONFIG, run, Mixture([str(photos)])).pictures) == 6
