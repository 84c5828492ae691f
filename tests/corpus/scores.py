"""Predictions and truths in the layouts that people have, scored by the command lines."""

import json
import zipfile

import numpy as np

from tests.corpus.rows import OUT, Outcome, Row, refused, works
from tests.corpus.scene import IDS, WHITE, coloured, picture, save

FRAMES = 5
PERFECT = r"J&F[^0-9]*(1\.000|100\.0)|\b(1\.000|100\.0)\b"
MOVES = [np.roll(IDS, number, 1) for number in range(FRAMES)]
_WHITES = [np.roll(WHITE, number, 1) for number in range(FRAMES)]


def masks(folder, arrays, names="{:05d}.png", mode=None):
    for number, array in enumerate(arrays):
        save(folder / names.format(number), array, mode)


def scored(truth, predicted, options=(), where=("pred", "truth"), **names):
    """Return a maker of two sequences of truths and predictions, and `vos evaluate`."""

    def make(folder):
        for sequence in ("goat", "swan"):
            masks(folder / "truth" / sequence, truth)
            masks(folder / "pred" / sequence / names.get("inside", ""), predicted,
                  names.get("names", "{:05d}.png"), names.get("mode"))  # fmt: skip
        return ["vos", "evaluate", *where, "--processes", "1", *options]

    return make


def with_void(masks_):
    return [np.where(np.roll(m, 3, 0) != m, np.uint8(255), m) for m in masks_]


def one_sequence(folder):
    masks(folder / "truth", MOVES)
    masks(folder / "pred", MOVES)
    return ["vos", "evaluate", "pred", "truth"]


def run_folder(folder):
    """A folder of `vos segment` in the place of a folder of masks."""
    masks(folder / "truth", MOVES)
    masks(folder / "run" / "masks", MOVES)
    (folder / "run" / "run.json").write_text("{}")
    return ["vos", "evaluate", "run", "truth"]


def bench_folder(folder):
    """A folder of `vos-bench davis` in the place of a folder of masks."""
    command = scored(MOVES, MOVES)(folder)
    (folder / "run").mkdir()
    (folder / "pred").rename(folder / "run" / "masks")
    (folder / "run" / "run.json").write_text("{}")
    return [part if part != "pred" else "run" for part in command]


def packed(folder):
    command = scored(MOVES, MOVES)(folder)
    with zipfile.ZipFile(folder / "pred.zip", "w") as file:
        for path in sorted((folder / "pred").rglob("*.png")):
            file.write(path, path.relative_to(folder / "pred"))
    return [part if part != "pred" else "pred.zip" for part in command]


def output_is_a_file(folder):
    (folder / "taken").write_text("x")
    return [*scored(MOVES, MOVES)(folder), "--out", "taken"]


def _shifted(folder):
    """Write predictions that are numbered from 1, the truth from 0."""
    command = scored(MOVES, [])(folder)
    for sequence in ("goat", "swan"):
        for number, array in enumerate(MOVES):
            save(folder / "pred" / sequence / f"{number + 1:05d}.png", array)
    return [*command, "--missing", "empty"]


SHOWS_PERFECT = works(says=(PERFECT,))
LATE = [IDS * 0, *MOVES[1:]]
WHITE_LATE = [WHITE * 0, *_WHITES[1:]]
ONES = [(m == 1).astype(np.uint8) for m in MOVES]
GRAY = [m * 100 for m in MOVES]
SMALL = [m[::2, ::2].copy() for m in MOVES]
EXTRA = [np.where(m == 0, 3, m).astype(np.uint8) for m in MOVES]
_LAYOUTS = [
    ("as the truth", scored(MOVES, MOVES), SHOWS_PERFECT, False),
    ("one sequence", one_sequence, SHOWS_PERFECT, False),
    ("white truth and predictions", scored(_WHITES, _WHITES), SHOWS_PERFECT, False),
    ("white truth, predictions of id 1", scored(_WHITES, ONES), SHOWS_PERFECT, False),
    ("white predictions of id 1", scored(ONES, _WHITES), works(says=(PERFECT, "white|255")), False),
    ("white predictions of one bit", scored(ONES, _WHITES, mode="1"), SHOWS_PERFECT, False),
    ("white predictions of two objects", scored(MOVES, _WHITES),
     refused("pred", "255|white", never=("--extra-objects ignore",)), False),
    ("white truth, first frame empty", scored(WHITE_LATE, WHITE_LATE), SHOWS_PERFECT, False),
    ("ids, first frame empty", scored(LATE, LATE), SHOWS_PERFECT, False),
    ("truth with void", scored(with_void(MOVES), MOVES), works(), False),
    ("names from 1", _shifted, refused("from 1|numbered|names"), False),
    ("names of four digits", scored(MOVES, MOVES, names="{:04d}.png"), refused("0000", "00000"),
     False),
    ("upper case suffix", scored(MOVES, MOVES, names="{:05d}.PNG"), SHOWS_PERFECT, False),
    ("JPEG", scored(MOVES, MOVES, names="{:05d}.jpg"), refused("pred", "PNG"), False),
    ("a folder of segment", run_folder, SHOWS_PERFECT, False),
    ("a folder of the bench", bench_folder, SHOWS_PERFECT, False),
    ("masks in a folder of each sequence", scored(MOVES, MOVES, inside="masks"), SHOWS_PERFECT,
     False),
    ("a zip", packed, Outcome((0, 2), ("pred.zip|1.000|100.0",)), False),
    ("RGB", scored(MOVES, [coloured(m) for m in MOVES]), refused("RGB", "indexed"), False),
    ("16 bits", scored(MOVES, [m.astype(np.uint16) for m in MOVES]), refused("16|I;"), False),
    ("another size", scored(MOVES, SMALL), refused("48x32", "96x64"), False),
    ("gray levels", scored(MOVES, GRAY), refused("100|200"), False),
    ("an extra object", scored(MOVES, EXTRA), refused(r"\b3\b", "goat|swan"), False),
    ("an extra object, ignored", scored(MOVES, EXTRA, ("--extra-objects", "ignore")),
     SHOWS_PERFECT,
     False),
    ("missing frames", scored(MOVES, MOVES[:3]), refused("00003"), False),
    ("missing frames as empty", scored(MOVES, MOVES[:3], ("--missing", "empty")), works(), False),
    ("no predictions", scored(MOVES, []), refused("pred"), False),
    ("no folder", scored(MOVES, MOVES, where=("nowhere", "truth")), refused("nowhere"), False),
    ("no truth", scored(MOVES, MOVES, where=("pred", "nowhere")), refused("nowhere"), False),
    ("no such sequence", scored(MOVES, MOVES, ("--sequences", "cow")), refused("cow", "goat"),
     False),
    ("output is a file", output_is_a_file, refused("taken", "file", never=("scoring",)), False),
]  # fmt: skip


def prompts_only(kind, options=()):
    """Return a maker of a set with its prompts alone, and `vos-bench davis` over it."""

    def make(folder):
        root = folder / "data" / "valid"
        for sequence in ("goat", "swan"):
            for number in range(FRAMES):
                save(
                    root / "JPEGImages" / sequence / f"{number:05d}.jpg",
                    picture(number),
                    quality=95,
                )
            save(root / "Annotations" / sequence / "00000.png", IDS)
        if kind == "youtube-vos":
            objects = {str(n): {"category": "animal", "frames": ["00000"]} for n in (1, 2)}
            (root / "meta.json").write_text(
                json.dumps({"videos": {name: {"objects": objects} for name in ("goat", "swan")}})
            )
        return ["vos-bench", "davis", "--data", "data", "--set", "valid", "--out", OUT,
        "--processes",
                "1", "--short-side", "0", "--neighborhood-radius", "4", "--device", "cpu",
                *options]  # fmt: skip

    return make


def masks_are_there(run):
    assert len(list((run.folder / OUT / "masks").rglob("*.png"))) == 2 * FRAMES


def submission_holds(prefix):
    def check(run):
        with zipfile.ZipFile(run.folder / "s.zip") as file:
            names = set(file.namelist())
        expected = {f"{prefix}{s}/{n:05d}.png" for s in ("goat", "swan") for n in range(FRAMES)}
        assert expected <= names, sorted(names)[:4]

    return check


NO_SCORE = ("0\\.000",)
SUBMIT = ("--submission", "s.zip")
_WITHHELD = [
    ("YouTube-VOS", prompts_only("youtube-vos"), works(masks_are_there, never=NO_SCORE), False),
    ("MOSE", prompts_only("mose"), works(masks_are_there, never=NO_SCORE), False),
    ("YouTube-VOS, submission", prompts_only("youtube-vos", SUBMIT),
     works(submission_holds("Annotations/"), never=NO_SCORE), False),
    ("MOSE, submission", prompts_only("mose", SUBMIT), works(submission_holds(""), never=NO_SCORE),
     False),
    ("first masks alone as truth", scored(MOVES[:1], MOVES), refused("1 annotated|withheld"),
     False),
]  # fmt: skip
META = "data/valid/meta.json"


def with_meta(text):
    def make(folder):
        command = prompts_only("youtube-vos")(folder)
        (folder / META).write_text(text)
        return command

    return make


_META = [
    ("cut short", with_meta('{"videos": {"goat": '), refused("meta.json"), False),
    ("a list", with_meta("[]"), refused("meta.json", "videos"), False),
    ("videos are a list", with_meta('{"videos": [1]}'), refused("meta.json"), False),
    ("objects are a list", with_meta('{"videos": {"goat": {"objects": []}, "swan": {}}}'),
     Outcome((0, 2)), False),
    ("a video is no object", with_meta('{"videos": {"goat": 3, "swan": 4}}'), refused("meta.json"),
     False),
    ("an id is a word",
     with_meta('{"videos": {"goat": {"objects": {"a": {"frames": ["00000"]}}}}}'),
     refused("meta.json"), False),
    ("a video that is not there", with_meta('{"videos": {"cow": {"objects": {}}}}'), refused("cow"),
     False),
]  # fmt: skip
ROWS = [
    Row(name, topic, make, outcome, fails_today=fails)
    for topic, rows in (
        ("predictions and truths", _LAYOUTS),
        ("withheld truths", _WITHHELD),
        ("meta.json", _META),
    )
    for name, make, outcome, fails in rows
]
