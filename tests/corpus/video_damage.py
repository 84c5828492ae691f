"""Video files that are cut short or damaged: what is readable keeps its numbers."""

from tests.corpus.containers import (
    FRAMES,
    INTRA,
    cut_in_sound,
    cut_inside,
    cut_on_edge,
    damaged,
    intra,
    remuxed,
    video,
)
from tests.corpus.rows import Outcome, Row, refused, works
from tests.corpus.scene import frames_are, numbers_are_kept
from tests.corpus.video_files import FAST_START, FRAGMENTS, HEVC, VP9, clip


def short(most, *says):
    """Return the outcome of a file cut short: the masks there are stay, and exit 1."""
    return Outcome((1,), says=("cut|damaged|short|ends", *says), checks=(numbers_are_kept(most),))


ALLOW = ("--allow-truncated",)
OF_12 = r"\b6\b.*\b12\b"


def faststart(**more):
    return video(container=FAST_START, **more)


def allowed(most):
    return works(numbers_are_kept(most), says=("warning|cut|short",))


_CUT = [
    ("MP4 on an edge", clip("v.mp4", lambda: cut_on_edge(faststart())), short(6, OF_12), False),
    ("MP4 on an edge near the end", clip("v.mp4", lambda: cut_on_edge(faststart(), 11)), short(11),
     False),
    ("MP4 in a packet", clip("v.mp4", lambda: cut_inside(faststart())), short(6), False),
    ("MP4 in sound", clip("v.mp4", lambda: cut_in_sound(faststart(sound=True))), short(8), False),
    ("MP4 intra on an edge", clip("v.mp4", lambda: cut_on_edge(faststart(options=INTRA))),
     short(6, OF_12), False),
    ("MP4 in fragments on an edge", clip("v.mp4", lambda: cut_on_edge(
        video(container=FRAGMENTS, options=INTRA))), short(6), False),
    ("HEVC on an edge", clip("v.mp4", lambda: cut_on_edge(faststart(**HEVC))), short(6, OF_12),
     False),
    ("HEVC in a packet", clip("v.mp4", lambda: cut_inside(faststart(**HEVC))), short(6), False),
    ("Matroska on an edge", clip("v.mkv", lambda: cut_on_edge(video("matroska"))), short(6), False),
    ("Matroska in a packet", clip("v.mkv", lambda: cut_inside(video("matroska"))), short(6), False),
    ("WebM on an edge", clip("v.webm", lambda: cut_on_edge(video(**VP9))), short(6), False),
    ("AVI on an edge", clip("v.avi", lambda: cut_on_edge(video("avi", codec="mpeg4"))), short(6),
     False),
    ("AVI in a packet", clip("v.avi", lambda: cut_inside(video("avi", codec="mjpeg"))), short(6),
     False),
    ("GIF in a picture", clip("v.gif", lambda: cut_inside(video("gif", codec="gif"))), Outcome((1,
     2), leaves_nothing=False),
     False),
    ("GIF on an edge", clip("v.gif", lambda: cut_on_edge(video("gif", codec="gif"))), Outcome((1,
     2), leaves_nothing=False),
     False),
    ("MP4 without its index", clip("v.mp4", lambda: cut_on_edge(video())), refused("v.mp4"), False),
    ("MP4, allowed", clip("v.mp4", lambda: cut_on_edge(faststart()), ALLOW), allowed(6), False),
    ("MP4 in a packet, allowed", clip("v.mp4", lambda: cut_inside(faststart()), ALLOW), allowed(6),
     False),
    ("Matroska, allowed", clip("v.mkv", lambda: cut_on_edge(video("matroska")), ALLOW), allowed(6),
     False),
    ("GIF, allowed", clip("v.gif", lambda: cut_on_edge(video("gif", codec="gif")), ALLOW),
     works(), False),
    ("MP4, the frames before the cut", clip("v.mp4", lambda: cut_on_edge(faststart()), ("--end",
     "5")),
     works(frames_are(*range(5))), False),
]  # fmt: skip
SKIP = ("--skip-damaged",)


def stops(most):
    """Return the outcome of a file damaged at frame `most`: those before it, rightly numbered."""
    return Outcome(
        (1, 2), ("damaged|corrupt|missing|gap|cannot",), leaves_nothing=False,
        checks=(numbers_are_kept(most, least=0),),
    )  # fmt: skip


def skips(number):
    kept = [n for n in range(FRAMES) if n != number]
    return works(frames_are(*kept, tolerance=8), says=("damaged|skipped|missing",))


FFV1 = {"form": "matroska", "codec": "ffv1"}
MJPEG = {"form": "avi", "codec": "mjpeg"}
PNG = {"form": "mov", "codec": "png"}
_DAMAGED = [
    ("MP4, packet 3", clip("v.mp4", lambda: damaged(intra(), 3)), stops(3), False),
    ("MP4, packet 0", clip("v.mp4", lambda: damaged(intra(), 0, keep=800)), stops(0), False),
    ("MP4 with B frames, packet 3", clip("v.mp4", lambda: damaged(
        video(options=(("bf", "2"), ("tune", "film"))), 3)), stops(4), False),
    ("MP4 in fragments, packet 6", clip("v.mp4", lambda: damaged(
        video(container=FRAGMENTS, options=INTRA), 6)), stops(6), False),
    ("HEVC, packet 3", clip("v.mp4", lambda: damaged(video(**HEVC), 3)), stops(3), False),
    ("HEVC, packet 0", clip("v.mp4", lambda: damaged(video(**HEVC), 0, keep=40)), stops(0), True),
    ("VP9, packet 3", clip("v.webm", lambda: damaged(video(**VP9), 3)), stops(3), False),
    ("FFV1, packet 3", clip("v.mkv", lambda: damaged(video(**FFV1), 3, keep=40)), stops(3), False),
    ("Motion JPEG, packet 3", clip("v.avi", lambda: damaged(video(**MJPEG), 3, keep=700)), stops(3),
     False),
    ("PNG, packet 3", clip("v.mov", lambda: damaged(video(**PNG), 3, keep=100)), stops(3), False),
    ("PNG, packet 0", clip("v.mov", lambda: damaged(video(**PNG), 0, keep=100)), stops(0), False),
    ("MP4, packet 3, the frames before", clip("v.mp4", lambda: damaged(intra(), 3), ("--end", "3")),
     works(frames_are(0, 1, 2)), False),
    ("MP4, packet 3, end 5", clip("v.mp4", lambda: damaged(intra(), 3), ("--end", "5")), stops(3),
     False),
    ("MP4, skipped", clip("v.mp4", lambda: damaged(intra(), 3), SKIP), skips(3), False),
    ("FFV1, skipped", clip("v.mkv", lambda: damaged(video(**FFV1), 3, keep=40), SKIP),
     works(frames_are(0, 1, 2), says=("9 damaged or missing frames were skipped",)), False),
    ("FFV1 of key frames, skipped", clip("v.mkv", lambda: damaged(
        intra(**FFV1), 3, keep=40), SKIP), skips(3), False),
    ("PNG, skipped", clip("v.mov", lambda: damaged(video(**PNG), 3, keep=100), SKIP), skips(3),
     False),
    ("a packet left out", clip("v.mkv", lambda: remuxed(intra(), "matroska", lambda n: n != 5)),
     stops(5), False),
    ("a packet left out, skipped", clip("v.mkv", lambda: remuxed(
        intra(), "matroska", lambda n: n != 5), SKIP), skips(5), False),
    ("HEVC, a packet left out", clip("v.mkv", lambda: remuxed(
        video(**HEVC), "matroska", lambda n: n != 5)), stops(5), False),
]  # fmt: skip
ROWS = [
    Row(name, topic, make, outcome, fails_today=fails)
    for topic, rows in (("videos cut short", _CUT), ("damaged videos", _DAMAGED))
    for name, make, outcome, fails in rows
]
