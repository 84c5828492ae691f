"""4K frames at full resolution: 270 x 480 patches of 8 pixels, where P * P numbers are 67 GB."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource, torch, torch.nn.functional as F
from vos.propagation.affinity import local_topk, propagate_labels
from vos.propagation.neighborhood import Neighborhood

torch.manual_seed(0)
h, w, width = 270, 480, 16
frames = [F.normalize(torch.randn(h, w, width), dim=-1) for _ in range(3)]
neighborhood = Neighborhood(h, w, 12)
with torch.inference_mode():
    context = [neighborhood.lay_out(frame) for frame in frames[1:]]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    labels = [torch.rand(h * w, 2) for _ in context]
    out = propagate_labels(frames[0], context, labels, neighborhood, topk=5, temperature=0.1)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    for y, x in ((0, 0), (135, 240), (269, 479), (12, 470)):
        rows = slice(max(0, y - 12), y + 13)
        columns = slice(max(0, x - 12), x + 13)
        near = torch.cat([frame[rows, columns].reshape(-1, width) for frame in frames[1:]])
        values, at = (near @ frames[0][y, x] / 0.1).exp().topk(5)
        seen = torch.cat([soft.view(h, w, 2)[rows, columns].reshape(-1, 2) for soft in labels])
        expected = (values[:, None] * seen[at]).sum(0) / values.sum()
        torch.testing.assert_close(out[y * w + x], expected, atol=1e-4, rtol=0)
print(grown)
"""


def test_propagation_at_4k_is_right_and_its_memory_is_bounded_by_tiles():
    pytest.importorskip("torch")  # for the process started below
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 200  # MiB beyond the stored frames
