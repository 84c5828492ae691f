"""Lists of videos, output folders, stops, missing programs and packages, names of any bytes."""

import json
import os

import numpy as np

from tests.corpus.rows import OUT, Outcome, Row, refused, works
from tests.corpus.scene import FAST, IDS, png, save, segment, write_frames
from tests.corpus.scores import MOVES, scored

HEADER = "video,mask,output\n"


def listed(text, encoding="utf-8"):
    """Return a maker of two videos and a list of them with this text."""

    def make(folder):
        for name in ("a", "b"):
            write_frames(folder / name)
            save(folder / f"{name}.png", IDS)
        (folder / "list.csv").write_bytes(
            text if isinstance(text, bytes) else text.encode(encoding)
        )
        return ["vos", "segment", "--batch", "list.csv", "--no-overlay", *FAST]

    return make


def both_are_done(run):
    for name in ("a", "b"):
        assert len(list((run.folder / OUT / name / "masks").glob("*.png"))) == 2


BODY = f"a,a.png,{OUT}/a\nb,b.png,{OUT}/b\n"
GOOD = works(both_are_done, says=("2 of 2 videos done",))
_LISTS = [
    ("commas", listed(HEADER + BODY), GOOD, False),
    ("line ends of Windows", listed((HEADER + BODY).replace("\n", "\r\n")), GOOD, False),
    ("semicolons", listed((HEADER + BODY).replace(",", ";")), GOOD, False),
    ("tabs", listed((HEADER + BODY).replace(",", "\t")), GOOD, False),
    ("UTF-8 with its mark", listed(HEADER + BODY, "utf-8-sig"), GOOD, False),
    ("UTF-16", listed(HEADER + BODY, "utf-16"), GOOD, False),
    ("UTF-16, big end first", listed(b"\xfe\xff" + (HEADER + BODY).encode("utf-16-be")), GOOD,
     False),
    ("UTF-16 and semicolons", listed((HEADER + BODY).replace(",", ";"), "utf-16"), GOOD, False),
    ("quoted fields", listed(HEADER + BODY.replace("a.png", '"a.png"')), GOOD, False),
    ("spaces after commas", listed(HEADER + BODY.replace(",", ", ")), GOOD, False),
    ("spaces in the header", listed(HEADER.replace(",", ", ") + BODY), GOOD, False),
    ("upper case header", listed(HEADER.upper() + BODY), GOOD, False),
    ("empty lines", listed(HEADER + BODY.replace("\n", "\n\n")), GOOD, False),
    ("two masks of one video", listed(HEADER + BODY.replace("a.png", "a.png; 1:b.png")), GOOD,
     False),
    ("no header", listed(BODY), refused("list.csv", "video,mask,output"), False),
    ("no rows", listed(HEADER), refused("list.csv", "no videos"), False),
    ("no bytes", listed(b""), refused("list.csv"), False),
    ("a field too many", listed(HEADER + "a,a.png,out,x\n"), refused("line 2"), False),
    ("a field too few", listed(HEADER + "a,a.png\n"), refused("line 2", "output"), False),
    ("an output twice", listed(HEADER + "a,a.png,o\nb,b.png,o\n"), refused("twice", r"\bo\b"),
     False),
    ("one output in two spellings", listed(HEADER + "a,a.png,o\nb,b.png,./o/\n"), refused("twice"),
     False),
    ("zeros", listed(b"\0" * 64), refused("list.csv"), False),
    ("a quote that never ends", listed(HEADER + 'a,"a.png,o\n'), refused("line|quote"), False),
    ("a field of 200,000 letters", listed(HEADER + f"{'a' * 200_000},a.png,o\n"),
     Outcome((1, 2)), False),
    ("Latin letters", listed(HEADER + f"é,a.png,{OUT}\n", "latin-1"), refused("list.csv"), False),
    ("one video is missing", listed(HEADER + f"a,a.png,{OUT}/a\nc,b.png,{OUT}/b\n"),
     Outcome((1,), ("1 of 2 videos done", "failed: c")), False),
]  # fmt: skip


def coco_names(run):
    document = json.loads((run.folder / OUT / "rle.json").read_text())
    assert {image["file_name"] for image in document["images"]} == {"00000.png", "00001.png"}


def plain(*options, frames="frames", before=None):
    def make(folder):
        write_frames(folder / frames)
        save(folder / "mask.png", IDS)
        if before:
            before(folder)
        return segment(frames, "mask.png", options=options)

    return make


def other_work(folder):
    (folder / OUT).mkdir()
    (folder / OUT / "thesis.tex").write_text("x")


def finished(folder):
    (folder / OUT / "masks").mkdir(parents=True)
    save(folder / OUT / "masks" / "00000.png", IDS)
    (folder / OUT / "run.json").write_text('{"state": "complete"')


def _named_by_bytes(folder):
    (folder / "frames").mkdir()
    for number in range(2):
        (folder / "frames" / os.fsdecode(b"\xe9%d.png" % number)).write_bytes(png(number))
    save(folder / "mask.png", IDS)
    return segment("frames", "mask.png")


BYTES = os.fsdecode(b"caf\xe9")
KEPT = {"leaves_nothing": False}
_FOLDERS = [
    ("COCO names have their suffix", plain("--rle", "coco"), works(coco_names), False),
    ("a folder of bytes that are no UTF-8", plain(frames=BYTES), works(), False),
    ("names of frames that are no UTF-8", _named_by_bytes, works(), False),
    ("an output folder with other files", plain(before=other_work),
     Outcome((0, 2), **KEPT), False),
    ("a run whose record is cut short", plain(before=finished),
     Outcome((2,), ("out", "--overwrite|run.json"), **KEPT), False),
    ("a run whose record is cut short, resumed", plain("--resume", before=finished),
     Outcome((2,), ("run.json",), **KEPT), False),
    ("an output that is a file", plain(before=lambda folder: (folder / OUT).write_text("x")),
     Outcome((1, 2), ("out",), **KEPT), False),
    ("a side of 0 frames a second", plain("--overlay-fps", "0"), refused("overlay fps"), False),
    ("an option of two values", plain("--topk", "3", "4"), refused("4"), False),
    ("no option of that name", plain("--snap"), refused("--snap"), False),
    ("a negative start", plain("--start", "-1"), refused("start is -1"), False),
    ("a start that is no number", plain("--start", "one"), refused("one"), False),
    ("max size of 0", plain("--max-size", "0"), refused("max size 0"), False),
    ("no temperature", plain("--temperature", "nan"), refused("temperature"), False),
    ("no such verb", lambda _: ["vos", "segmnet"], refused("segmnet", "segment"), False),
    ("no verb", lambda _: ["vos"], refused("segment"), False),
]  # fmt: skip


def stopped(folder):
    write_frames(folder / "frames", 6)
    save(folder / "mask.png", IDS)
    return segment("frames", "mask.png")


def slurm(*options, data="data"):
    def make(folder):
        save(folder / "data" / "0.png", np.zeros((64, 64, 3), np.uint8))
        return ["vos-pretrain", "slurm", *options, "--", "--data-path", data, "--out", OUT]

    return make


def timm(folder):
    write_frames(folder / "frames")
    save(folder / "mask.png", IDS)
    return segment("frames", "mask.png", options=("--backbone", "timm:vit_tiny_patch16_224"))


def waited_little(run):
    assert run.seconds_waited < 5, f"waited {run.seconds_waited:.0f} seconds"


NO_PROGRAMS = {"environment": {"PATH": "/nonexistent"}}
OFFLINE = {"offline": True, "own_weights": True, "environment": {"HF_HOME": "/nonexistent/hf"}}
MORE = [
    Row("Ctrl-C after three frames", "stops", stopped,
        Outcome((130,), ("3 frames", "--resume")), stop_at=4),
    Row("Ctrl-C before a frame", "stops", stopped, Outcome((130,), ("Ctrl-C",)), stop_at=1),
    Row("cross-check without its package", "missing programs",
        scored(MOVES, MOVES, ("--cross-check",)), refused("davis2017", never=("scoring",)),
        absent=("davis2017", "davis2017.davis")),
    Row("Slurm without sbatch", "missing programs", slurm(), refused("sbatch"), **NO_PROGRAMS),
    Row("Slurm without submitit", "missing programs", slurm(), refused("submitit|sbatch"),
        absent=("submitit",), **NO_PROGRAMS),
    Row("Slurm with an account", "missing programs", slurm(
        "--account", "a", "--qos", "q", "--constraint", "c", "--mem", "64G", "--setup",
        "module load x"),
        refused("sbatch", never=("unrecognized",)), **NO_PROGRAMS),
    Row("Slurm with an option that training has not", "missing programs", slurm(
        "--", "--no-such-option"), refused("no-such-option|sbatch"), **NO_PROGRAMS),
    Row("timm without a network", "missing programs", timm,
        Outcome((1, 2), ("vit_tiny_patch16_224", "network|reach|download|offline"),
                checks=(waited_little,), leaves_nothing=False), fails_today=False, **OFFLINE),
]  # fmt: skip
ROWS = [
    Row(name, topic, make, outcome, fails_today=fails)
    for topic, rows in (("lists", _LISTS), ("runs and folders", _FOLDERS))
    for name, make, outcome, fails in rows
] + MORE
