"""A small retrieval dataset in the published layout, made on the spot."""

import json
import pickle

import numpy as np

from benchmarks.retrieval.rankings import Truth
from tests.data.images import COLOURS, picture, write_picture


def truth(easy=(), hard=(), junk=()):
    return Truth(*(np.array(part, dtype=np.int64) for part in (easy, hard, junk)))


def write_dataset(root, name="roxford5k", suffix="pkl"):
    """Two images of each colour as database, one query a colour; returns the truth's contents."""
    held = {"imlist": [], "qimlist": [], "gnd": []}
    for place, (colour, rgb) in enumerate(COLOURS.items()):
        for number in range(2):
            held["imlist"].append(f"{colour}_{number}")
            write_picture(root / name / "jpg" / f"{colour}_{number}.jpg", picture(rgb, number))
        held["qimlist"].append(f"ask_{colour}")
        pixels = np.full((64, 96, 3), 128, np.uint8)
        pixels[:, :64] = picture(rgb, 9)
        write_picture(root / name / "jpg" / f"ask_{colour}.jpg", pixels)
        found = {"easy": np.array([2 * place]), "hard": np.array([2 * place + 1]), "junk": []}
        held["gnd"].append({**found, "bbx": [0.0, 0.0, 64.0, 64.0]})
    target = root / name / f"gnd_{name}.{suffix}"
    if suffix == "pkl":
        target.write_bytes(pickle.dumps(held, protocol=2))
    else:
        lists = [
            {k: [float(x) if k == "bbx" else int(x) for x in v] for k, v in g.items()}
            for g in held["gnd"]
        ]
        target.write_text(json.dumps({**held, "gnd": lists}))
    return held
