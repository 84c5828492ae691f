"""Features, labels and masks of a GPU against those of the CPU, and what the host waits for."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.data.scenes import CONFIG, Colours, two
from vos.backbones.loading import load_backbone
from vos.propagation.affinity import propagate_labels
from vos.propagation.neighborhood import Neighborhood
from vos.propagation.pixels.upsampling import winning_channel
from vos.propagation.propagator import LabelPropagator
from vos.propagation.snapshot import load_snapshot, save_snapshot

pytestmark = pytest.mark.gpu
GRID = (30, 52)
NEAR = Neighborhood(*GRID, 12)


def inputs(device, dtype=torch.float32, whole_numbers=False):
    """A target frame, three laid-out context frames and their labels, the same on every device."""
    generator = torch.Generator().manual_seed(0)
    if whole_numbers:  # similarities without rounding, many of them ties
        frames = torch.randint(-2, 3, (4, *GRID, 16), generator=generator).float()
    else:
        frames = F.normalize(torch.randn(4, *GRID, 64, generator=generator), dim=-1)
    labels = [torch.rand(GRID[0] * GRID[1], 4, generator=generator).to(device) for _ in range(3)]
    target, *context = frames.to(device, dtype)
    return target, [NEAR.lay_out(frame) for frame in context], labels


def propagated(device, temperature=0.1, **options):
    target, context, labels = inputs(device, **options)
    return propagate_labels(target, context, labels, NEAR, topk=5, temperature=temperature)


@contextmanager
def no_wait():
    """Raise an error where the host waits for the GPU."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["dino_vits16", "efficientnet_lite0"])
def test_float32_features_are_those_of_the_cpu(gpu, name):
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    network = load_backbone(name, untrained=True, device="cpu", precision="fp32")
    expected = network(images)
    found = network.place(gpu, torch.float32)(images).cpu()  # TF32 would differ by 1e-3
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5 * float(expected.abs().max()))
    assert network.describe()["tf32"] is False


def test_labels_are_those_of_the_cpu(gpu):
    torch.testing.assert_close(propagated(gpu).cpu(), propagated("cpu"), rtol=0, atol=1e-5)


def test_ties_are_those_of_the_cpu(gpu):
    options = {"whole_numbers": True, "temperature": 1e30}
    found, expected = propagated(gpu, **options).cpu(), propagated("cpu", **options)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("upsampling", ["bilinear", "nearest"])
def test_masks_are_those_of_the_cpu(gpu, upsampling):
    labels = propagated("cpu").T.reshape(-1, *GRID).contiguous()
    settings = {"upsampling": upsampling, "stretch": True}
    found = winning_channel(labels.to(gpu), 8, **settings).cpu()
    differing = found != winning_channel(labels, 8, **settings)
    assert differing.float().mean() < 1e-4  # pixels where two channels differ by rounding


def test_the_host_waits_for_no_step(gpu):
    target, context, labels = inputs(gpu, torch.bfloat16)

    def step():
        settings = {"topk": 5, "temperature": 0.1}
        out = propagate_labels(target, context, labels, NEAR, **settings)
        maps = out.T.reshape(-1, *GRID).contiguous()
        return winning_channel(maps, 8, upsampling="bilinear", stretch=True)

    first = step()  # what is copied once is copied here
    with no_wait():
        again = step()
    assert torch.equal(first, again)


def test_a_run_and_a_resumed_run_have_the_masks_of_the_cpu(gpu, tmp_path):
    frames = [two(number) for number in range(6)]

    def tracker(device):
        return LabelPropagator(Colours().place(torch.device(device), torch.float32), CONFIG)

    on_cpu, on_gpu = tracker("cpu"), tracker(gpu)
    expected = [on_cpu.step(*frames[0])] + [on_cpu.step(image) for image, _ in frames[1:]]
    found = [on_gpu.step(*frames[0])] + [on_gpu.step(image) for image, _ in frames[1:3]]
    save_snapshot(tmp_path / "state", on_gpu.snapshot())
    resumed = tracker(gpu)
    images = {number: image for number, (image, _) in enumerate(frames)}
    resumed.restore(load_snapshot(tmp_path / "state"), images)
    found += [resumed.step(image) for image, _ in frames[3:]]
    for one, other in zip(found, expected, strict=True):
        assert np.mean(one != other) < 1e-3
