import json

import numpy as np

from benchmarks.speed.plain_scoring import plain_scores


def test_the_plain_algorithm_gives_the_official_figures(shared_data):
    root = shared_data / "davis-scoring"
    official = json.loads((root / "official_results.json").read_text())["semi-supervised"]
    names = ["kite-surf", "paragliding-launch"]  # ids up to 3, one of them never predicted
    found = plain_scores(root / "semi-supervised", root / "DAVIS/Annotations/480p", names)
    for name, (j, f) in found.items():
        assert np.abs(j - official["per_frame"][name]["J"]).max() < 1e-9
        assert np.abs(f - official["per_frame"][name]["F"]).max() < 1e-9
