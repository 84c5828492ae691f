"""Video files: whole in every container, of unknown codecs, of changing size or rate."""

from io import BytesIO

import av

from tests.corpus.containers import (
    FRAMES,
    INTRA,
    intra,
    remuxed,
    renamed,
    turned,
    video,
)
from tests.corpus.rows import OUT, Outcome, Row, refused, works
from tests.corpus.scene import IDS, frames_are, save, segment

FAST_START = (("movflags", "faststart"),)
FRAGMENTS = (("movflags", "frag_keyframe+empty_moov"),)
ALL = frames_are(*range(FRAMES), tolerance=8)
HEVC = {"codec": "libx265"}
VP9 = {"form": "webm", "codec": "libvpx-vp9"}


def clip(name, make, options=(), *, verb="segment", mask=IDS, overlay=False):
    """Return a maker of a video file, a mask, and the command line over them."""

    def write(folder):
        (folder / name).write_bytes(make())
        save(folder / "mask.png", mask)
        if verb == "segment":
            return segment(name, "mask.png", options=options, overlay=overlay)
        return ["vos", verb, name, "-o", OUT if verb == "attention" else f"{OUT}.npz", *options]

    return write


def whole(name, **choices):
    return clip(name, lambda: video(**choices))


def remuxed_sound():
    """Return the bytes of a file of sound."""
    source, target = BytesIO(video(sound=True)), BytesIO()
    with av.open(source) as file, av.open(target, "w", format="mp4") as out:
        stream = out.add_stream_from_template(file.streams.audio[0])
        for packet in file.demux(file.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return target.getvalue()


_WHOLE = [
    ("MP4", whole("v.mp4"), works(ALL), False),
    ("MP4 with B frames", whole("v.mp4", options=(("bf", "2"), ("tune", "film"))), works(ALL),
     False),
    ("MP4, index in front", whole("v.mp4", container=FAST_START), works(ALL), False),
    ("MP4 in fragments", whole("v.mp4", container=FRAGMENTS, options=INTRA), works(ALL), False),
    ("MP4 with sound", whole("v.mp4", sound=True), works(ALL), False),
    ("HEVC", whole("v.mp4", **HEVC), works(ALL), False),
    ("QuickTime, PNG", whole("v.mov", form="mov", codec="png"), works(ALL), False),
    ("QuickTime, ProRes", whole("v.mov", form="mov", codec="prores_ks", pixels="yuva444p10le"),
     works(ALL), False),
    ("Matroska", whole("v.mkv", form="matroska"), works(ALL), False),
    ("Matroska, FFV1", whole("v.mkv", form="matroska", codec="ffv1"), works(ALL), False),
    ("WebM", whole("v.webm", **VP9), works(ALL), False),
    ("AVI", whole("v.avi", form="avi", codec="mpeg4"), works(ALL), False),
    ("AVI, Motion JPEG", whole("v.avi", form="avi", codec="mjpeg"), works(ALL), False),
    ("GIF", whole("v.gif", form="gif", codec="gif"), works(frames_are(*range(FRAMES),
     tolerance=40)),
     False),
    ("MPEG transport stream", whole("v.ts", form="mpegts"), works(ALL), False),
    ("Windows Media", whole("v.wmv", form="asf", codec="wmv2"), works(ALL), False),
    ("3GP", whole("v.3gp", form="3gp", codec="mpeg4"), works(ALL), False),
    ("no suffix", whole("video"), works(ALL), False),
    ("wrong suffix", whole("v.avi"), works(ALL), False),
    ("a name with a colon", whole("a:b.mp4"), works(ALL), False),
    ("text", clip("v.mp4", lambda: b"no video at all" * 100), refused("v.mp4"), False),
    ("no bytes", clip("v.mp4", lambda: b""), refused("v.mp4"), False),
    ("sound alone", clip("v.mp4", remuxed_sound), refused("v.mp4", "no video"), False),
]  # fmt: skip


UNKNOWN_MP4 = ((b"avc1", b"zzz1"), (b"avcC", b"zzzC"))
UNKNOWN_MKV = ((b"V_MPEG4/ISO/AVC", b"V_ZZZZZ/ZZZ/ZZZ"),)
UNKNOWN_AVI = ((b"FMP4", b"ZQX7"),)


def unknown_mp4():
    return renamed(video(), *UNKNOWN_MP4)


def unknown_mkv():
    return renamed(video("matroska"), *UNKNOWN_MKV)


def unknown_avi():
    return renamed(video("avi", codec="mpeg4"), *UNKNOWN_AVI)


NO_DECODER = refused("cannot decode|codec|kind", "re-encode")
_UNKNOWN = [
    ("MP4", clip("v.mp4", unknown_mp4), NO_DECODER, False),
    ("Matroska", clip("v.mkv", unknown_mkv), NO_DECODER, False),
    ("AVI", clip("v.avi", unknown_avi), NO_DECODER, False),
    ("MP4, features", clip("v.mp4", unknown_mp4, verb="features"), NO_DECODER, False),
    ("MP4, attention", clip("v.mp4", unknown_mp4, verb="attention"), NO_DECODER, False),
    ("Matroska, features", clip("v.mkv", unknown_mkv, verb="features"), NO_DECODER, False),
    ("AVI, attention", clip("v.avi", unknown_avi, verb="attention"), NO_DECODER, False),
]


def overlay_rate(expected):
    def check(run):
        with av.open(str(run.folder / OUT / "overlay.mp4")) as file:
            rate = float(file.streams.video[0].average_rate)
        assert abs(rate - expected) < 0.05 * expected, rate

    return check


def overlay_ratio(expected):
    def check(run):
        with av.open(str(run.folder / OUT / "overlay.mp4")) as file:
            assert file.streams.video[0].sample_aspect_ratio == expected

    return check


def masks_are(count):
    def check(run):
        assert len(run.mask_names()) == count

    return check


def mask_is_upright(run):
    assert run.mask().shape == (96, 64)


UNEVEN = (0, 33, 66, 150, 183, 216, 300, 333, 400, 433, 500, 533)  # 22.5 frames a second


def edited():
    """Return a file whose edit list leaves out the first six frames."""
    return remuxed(intra(), "mp4", lambda _: True, shift=-6)


def two_sizes():
    return video("h264") + video("h264", size=(96, 128))


RESIZE = ("--on-size-change", "resize")
_TIMES = [
    ("turned by 90 degrees", clip("v.mp4", lambda: turned(video()), mask=IDS.T),
     works(mask_is_upright),
     False),
    ("turned by 180 degrees", clip("v.mp4", lambda: turned(video(), 180)), works(), False),
    ("edit list", clip("v.mp4", edited), works(masks_are(6),
     says=("segment: 6/6 frames",)), False),
    ("uneven times, Matroska", clip("v.mkv", lambda: video("matroska", times=UNEVEN)), works(ALL),
     False),
    ("uneven times, MP4", clip("v.mp4", lambda: video(times=UNEVEN)), works(ALL), False),
    ("uneven times, overlay of Matroska", clip("v.mkv", lambda: video("matroska", times=UNEVEN),
     overlay=True), works(overlay_rate(11 / 0.533)), False),
    ("uneven times, overlay of MP4", clip("v.mp4", lambda: video(times=UNEVEN), overlay=True),
     works(overlay_rate(11 / 0.533)), False),
    ("high dynamic range, PQ", clip("v.mp4", lambda: video(
        **HEVC, pixels="yuv420p10le", colour=16)), works(says=("HDR|PQ|tone|dynamic range",)),
        False),
    ("high dynamic range, HLG", clip("v.mp4", lambda: video(
        **HEVC, pixels="yuv420p10le", colour=18)), works(says=("HDR|HLG|tone|dynamic range",)),
        False),
    ("10 bits of SDR", clip("v.mp4", lambda: video(**HEVC, pixels="yuv420p10le")),
     works(ALL, never=("HDR", "tone")), False),
    ("pixels twice as wide", clip("v.mp4", lambda: video(ratio=2), overlay=True),
     works(overlay_ratio(2)), False),
    ("size changes", clip("v.h264", two_sizes), Outcome((1, 2), ("128x96", "96x64"),
     leaves_nothing=False), False),
    ("size changes, advice", clip("v.h264", two_sizes), Outcome((1, 2), ("--on-size-change",),
     leaves_nothing=False), False),
    ("size changes, error", clip("v.h264", two_sizes, ("--on-size-change", "error")),
     Outcome((1, 2), ("128x96",), leaves_nothing=False), False),
    ("size changes, resized", clip("v.h264", two_sizes, RESIZE),
     works(masks_are(24)), False),
    ("start past the end", clip("v.mp4", video, ("--start", "50")), refused("12 frames", "50"),
     False),
    ("end past the end", clip("v.mp4", video, ("--end", "50")), works(ALL), False),
    ("stride", clip("v.mp4", video, ("--stride", "5")), works(frames_are(0, 5, 10)), False),
    ("mask past the end", clip("v.mp4", video, ("--mask", "40:mask.png")),
     refused("40", "12", before_weights=True), False),
]  # fmt: skip
ROWS = [
    Row(name, topic, make, outcome, fails_today=fails)
    for topic, rows in (
        ("whole videos", _WHOLE),
        ("unknown codecs", _UNKNOWN),
        ("times and sizes", _TIMES),
    )
    for name, make, outcome, fails in rows
]
