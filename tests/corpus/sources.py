"""Sources that are no single video file: animations, archives, patterns, folders, cameras."""

import io
import zipfile

import numpy as np
from PIL import Image

from tests.corpus.containers import video
from tests.corpus.rows import Outcome, Row, refused, works
from tests.corpus.scene import (
    HEIGHT,
    IDS,
    WIDTH,
    frames_are,
    picture,
    png,
    save,
    segment,
    write_frames,
)

PAGES = 5


def animation(name, count=PAGES, **options):
    """Return a maker of several pictures in one file, by Pillow."""

    def make(folder):
        images = [Image.fromarray(picture(number)) for number in range(count)]
        save(folder / name, images[0], save_all=True, append_images=images[1:], **options)
        save(folder / "mask.png", IDS)
        return segment(name, "mask.png")

    return make


def encoded(name, **choices):
    def make(folder):
        (folder / name).write_bytes(video(count=PAGES, **choices))
        save(folder / "mask.png", IDS)
        return segment(name, "mask.png")

    return make


def archive(*members, name="clip.zip", compression=zipfile.ZIP_STORED):
    """Return a maker of a zip archive; members are pairs: a name, a frame's number or bytes."""

    def make(folder):
        with zipfile.ZipFile(folder / name, "w", compression) as file:
            for member, what in members:
                file.writestr(member, png(what) if isinstance(what, int) else what)
        save(folder / "mask.png", IDS)
        return segment(name, "mask.png")

    return make


def pattern(source, folder_name="frames", names="{:05d}.png", count=4, options=()):
    """Return a maker of a folder of frames that is given by a pattern."""

    def make(folder):
        write_frames(folder / folder_name, count, names)
        save(folder / "mask.png", IDS)
        return segment(source, "mask.png", options=options)

    return make


def extra(**files):
    """Return a maker of four frames with other files beside them."""

    def make(folder):
        write_frames(folder / "frames", 4)
        for name, data in files.items():
            path = folder / "frames" / name.replace("__", ".").replace("SLASH", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        save(folder / "mask.png", IDS)
        return segment("frames", "mask.png")

    return make


def other_size():
    data = io.BytesIO()
    Image.fromarray(np.zeros((HEIGHT // 2, WIDTH, 3), np.uint8)).save(data, "PNG")
    return data.getvalue()


def _empty(folder):
    (folder / "frames").mkdir()
    save(folder / "mask.png", IDS)
    return segment("frames", "mask.png")


FIVE = frames_are(*range(PAGES), tolerance=40)
FOUR = frames_are(*range(4))


def named(*names):
    return frames_are(*range(len(names)), names=list(names))


MEMBERS = [(f"{n:05d}.png", n) for n in range(4)]
INSIDE = [(f"clip/{n:05d}.png", n) for n in range(4)]
FINDER = [(f"__MACOSX/clip/._{n:05d}.png", b"x") for n in range(4)]
COPIES = [(f".ipynb_checkpoints/{n:05d}.png", n) for n in range(4)]
_ANIMATIONS = [
    ("TIFF of five pages", animation("v.tif"), works(FIVE), False),
    ("TIFF of five pages, packed", animation("v.tiff", compression="tiff_lzw"), works(FIVE), False),
    ("TIFF of one page", animation("v.tif", 1), works(named("v")), False),
    ("PNG, animated", animation("v.png"), works(FIVE), False),
    ("APNG by FFmpeg", encoded("v.png", form="apng", codec="apng"), works(FIVE), False),
    ("APNG with its own suffix", encoded("v.apng", form="apng", codec="apng"), works(FIVE), False),
    ("WebP, animated", animation("v.webp", lossless=True), works(FIVE), False),
    ("WebP, animated, by FFmpeg", encoded("v.webp", form="webp", codec="libwebp_anim"), works(FIVE),
     False),
    ("GIF by Pillow", animation("v.gif", duration=100), works(FIVE), False),
    ("GIF by Pillow without delays", animation("v.gif"), works(FIVE), False),
    ("AVIF, animated", animation("v.avif", quality=95), works(FIVE), False),
]  # fmt: skip
_ARCHIVES = [
    ("zip", archive(*MEMBERS), works(FOUR), False),
    ("zip, deflated", archive(*MEMBERS, compression=zipfile.ZIP_DEFLATED), works(FOUR), False),
    ("zip of a folder", archive(*INSIDE), works(FOUR), False),
    ("zip made on a Mac", archive(*INSIDE, *FINDER), works(FOUR), False),
    ("zip with hidden copies", archive(*MEMBERS, *COPIES), works(FOUR), False),
    ("zip in another order", archive(*MEMBERS[::-1]), works(FOUR), False),
    ("zip without pictures", archive(("a.txt", b"x")), refused("clip.zip", "no (picture|frame)"),
     False),
    ("zip, empty", archive(), refused("clip.zip", "no (picture|frame)"), False),
    ("zip with one name twice", archive(*MEMBERS, *INSIDE), refused("clip.zip", "same name"),
     False),
    ("zip with a broken frame", archive(*MEMBERS[:3], ("00003.png", png(3)[:900])),
     Outcome((1, 2), ("00003.png",), leaves_nothing=False), False),
]  # fmt: skip
BRACKETS = "clip [1080p]"
_PATTERNS = [
    ("folder", pattern("frames"), works(FOUR), False),
    ("folder, unpadded numbers", pattern("frames", names="{}.png", count=11),
     works(frames_are(*range(11), names=sorted(map(str, range(11))))), False),
    ("glob", pattern("frames/*.png"), works(FOUR), False),
    ("printf pattern", pattern("frames/%05d.png"), works(FOUR), False),
    ("printf pattern without zeros", pattern("frames/%d.png", names="{}.png"),
     works(named("0", "1", "2", "3")), False),
    ("printf pattern with a name", pattern("frames/img_%03d.png", names="img_{:03d}.png"),
     works(named(*(f"img_{n:03d}" for n in range(4)))), False),
    ("printf pattern of nothing", pattern("frames/%05d.jpg"), refused("%05d.jpg", "no pic|no file"),
     False),
    ("brackets in a folder", pattern(BRACKETS, BRACKETS), works(FOUR), False),
    ("brackets in a folder, glob", pattern(f"{BRACKETS}/*.png", BRACKETS), works(FOUR), False),
    ("brackets in a folder above, glob", pattern(f"{BRACKETS}/a/*.png", f"{BRACKETS}/a"),
     works(FOUR),
     False),
    ("brackets below a star", pattern(f"*/{BRACKETS}/*.png", f"a/{BRACKETS}"), works(FOUR), False),
    ("brackets in a folder, printf", pattern(f"{BRACKETS}/%05d.png", BRACKETS), works(FOUR), False),
    ("brackets as a set", pattern("frames/0000[0-2].png"), works(frames_are(0, 1, 2)), False),
    ("glob of nothing", pattern("frames/*.jpg"), refused("frames/.*jpg"), False),
    ("spaces and accents", pattern("été 1/*.png", "été 1"), works(FOUR), False),
    ("hidden files", extra(**{"._00001__png": b"x", "__DS_Store": b"x"}), works(FOUR), False),
    ("a text file beside", extra(notes__txt=b"x"), works(FOUR), False),
    ("a frame of another size", extra(z__png=other_size()),
     Outcome((1, 2), ("96x32", "96x64"), leaves_nothing=False), False),
    ("a frame of no bytes", extra(z__png=b""),
     Outcome((1, 2), ("z.png", "empty"), leaves_nothing=False), False),
    ("an empty folder", _empty, refused("frames", "no pictures"), False),
    ("no folder", pattern("elsewhere"), refused("elsewhere", "no such file"), False),
]  # fmt: skip


def address(source, options=()):
    def make(folder):
        save(folder / "mask.png", IDS)
        return segment(source, "mask.png", options=options)

    return make


_LIVE = [
    ("a camera that is not there", address("camera:97"), refused("video97|camera"), False),
    ("a camera without a number", address("camera:front"), refused("camera:front", "camera:0"),
     False),
    ("a stream that nobody serves", address("rtsp://127.0.0.1:9/x"), refused("127.0.0.1"), False),
    ("the latest of a folder", pattern("frames", options=("--latest",)),
     Outcome((0, 2), never_says=("unrecognized",)), False),
]  # fmt: skip
ROWS = [
    Row(name, topic, make, outcome, fails_today=fails)
    for topic, rows in (
        ("animations", _ANIMATIONS),
        ("archives of frames", _ARCHIVES),
        ("patterns and folders", _PATTERNS),
        ("live sources", _LIVE),
    )
    for name, make, outcome, fails in rows
]
