"""What must hold on long and large input: flat memory, flat time, peak below 2 GB."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PEAK_LIMIT_MIB = 1907  # 2 GB, of the whole process with PyTorch in it


def run(code, *argv):
    """Run code in a process of its own, whose peak memory is its own, and return its numbers."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, argv)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


LOOPED = """
import sys, time, resource
import cv2, numpy as np
from vos.datasets.demo_clip import demo_frames
from vos.masks.io import write_mask
from vos.backbones.loading import load_backbone
from vos.segmentation.options import OutputOptions
from vos.segmentation.segment import segment_video
from vos.video.writer import VideoWriter

folder, count = sys.argv[1], int(sys.argv[2])
clip = [(f[::2, :852:2].copy(), m[::2, :852:2].copy()) for f, m in demo_frames()]
clip = clip + clip[::-1]
with VideoWriter(f"{folder}/clip.mp4", 25) as writer:
    for number in range(count):
        writer.write(clip[number % len(clip)][0])
write_mask(f"{folder}/mask.png", clip[0][1])
from vos.propagation.config import PropagationConfig
times, peaks = [], []
def on_frame(done, total):
    times.append(time.perf_counter())
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
segment_video(
    f"{folder}/clip.mp4", f"{folder}/mask.png", f"{folder}/out",
    backbone=load_backbone("efficientnet_lite0", device="cpu", precision="fp32"),
    config=PropagationConfig(short_side=240, mode=sys.argv[3]), on_frame=on_frame,
)
each = np.diff(times)
print(peaks[19], peaks[-1], np.median(each[20:220]), np.median(each[-200:]))
"""


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("mode", ["protocol", "adaptive"])
def test_memory_and_time_are_flat_from_20_frames_to_2000(tmp_path, mode):
    early, late, early_seconds, late_seconds = run(LOOPED, tmp_path, 2000, mode)
    print(
        f"{mode}: peak {early:.0f} MiB after 20 frames, {late:.0f} MiB after 2000; "
        f"{early_seconds * 1000:.0f} and {late_seconds * 1000:.0f} ms a frame"
    )
    assert late < early + 64
    assert late_seconds < 1.5 * early_seconds


PATCH_8 = """
import sys, time, resource
import numpy as np
from vos.backbones.loading import load_backbone
from vos.datasets.demo_clip import demo_frames
from vos.propagation.propagator import LabelPropagator

backbone = load_backbone("dino_vits8", untrained=True, device="cpu", precision=sys.argv[1])
tracker = LabelPropagator(backbone)
start = time.perf_counter()
for number, (frame, mask) in enumerate(demo_frames()):
    if number == 12:
        break
    tracker.step(frame, mask if number == 0 else None)
each = (time.perf_counter() - start) / 12
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, each)
"""


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_peak_memory_at_patch_8_is_below_2_gb(precision):
    peak, seconds = run(PATCH_8, precision)
    print(f"{precision}: peak {peak:.0f} MiB, {seconds:.1f} s a frame at 480x832, patch 8")
    assert peak < PEAK_LIMIT_MIB
