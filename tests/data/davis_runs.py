"""Folders of finished DAVIS runs, as comparisons read them."""

import json

import numpy as np

RULES = {"task": "semi-supervised"}


def write_run(folder, scores, topk=5, **changed):
    """Write what `vos-bench davis` leaves; scores are {sequence: [J of each object]}."""
    folder.mkdir()
    settings = {
        "dataset": {"name": "DAVIS 2017", "set": "val", "resolution": "480p"},
        "backbone": {"name": "small"},
        "propagation": {"topk": topk},
    }
    sequences = [
        {
            "name": name,
            "objects": [
                {"name": f"{name}_{i}", "J&F-Mean": j + 0.1, "J-Mean": j, "F-Mean": j + 0.2}
                for i, j in enumerate(values, start=1)
            ],
        }
        for name, values in scores.items()
    ]
    mean = float(np.mean([j for values in scores.values() for j in values]))
    names = ("J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")
    results = {
        "state": "complete",
        "dataset": "DAVIS 2017",
        "set": "val",
        "rules": RULES,
        "global": dict.fromkeys(names, mean),
        "sequences": sequences,
        **changed,
    }
    (folder / "run.json").write_text(json.dumps({"settings": settings}))
    (folder / "results.json").write_text(json.dumps(results))
    return folder
