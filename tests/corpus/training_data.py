"""What a folder or archive of training data holds beside pictures, and networks of one channel."""

import io
import tarfile
import zipfile

import torch

from tests.corpus.containers import video
from tests.corpus.pictures import frames_of
from tests.corpus.rows import OUT, Row, refused, works
from tests.corpus.scene import IDS, picture, png, save, segment
from vos.backbones.networks.vit import VisionTransformer


def data(writer, path="frames"):
    """Return a maker of training data, checked by `vos-pretrain check-data`."""

    def make(folder):
        writer(folder)
        return ["vos-pretrain", "check-data", path, "--out", OUT]

    return make


def folder_with(**files):
    def write(folder):
        for number in range(2):
            save(folder / "frames" / f"{number}.png", picture(number))
        for name, content in files.items():
            path = folder / "frames" / name.replace("__", ".").replace("SLASH", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return write


HIDDEN = ("a/0.png", "a/1.png", ".ipynb_checkpoints/0.png", "__MACOSX/a/._0.png", "a/.git/1.png")


def zipped(folder):
    with zipfile.ZipFile(folder / "data.zip", "w") as file:
        for name in HIDDEN:
            file.writestr(name, png(0))


def tarred(folder):
    with tarfile.open(folder / "data.tar", "w") as file:
        for name in HIDDEN:
            member = tarfile.TarInfo(name)
            member.size = len(png(0))
            file.addfile(member, io.BytesIO(png(0)))


def nested(folder):
    save(folder / "frames" / "0.png", picture(0))
    with zipfile.ZipFile(folder / "frames" / "more.zip", "w") as file:
        file.writestr("1.png", png(1))


def only_heic(folder):
    (folder / "frames").mkdir()
    for number in range(3):
        (folder / "frames" / f"{number}.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))


def segment_heic(folder):
    only_heic(folder)
    save(folder / "mask.png", IDS)
    return segment("frames", "mask.png")


def videos(name, container, codec):
    return folder_with(**{name: video(container, codec=codec)})


SEEN_2 = "2 samples read"
_SKIPPED = [
    ("HEIC beside PNG", data(folder_with(a__heic=b"x", b__heic=b"x")),
     works(says=("2 .*skipped", r"\.heic", "pillow-heif")), False),
    ("raw pictures beside PNG", data(folder_with(a__dng=b"x")), works(says=("1 .*skipped",
     r"\.dng")),
     False),
    ("nested zip", data(nested), works(says=("skipped", r"\.zip")), False),
    ("HEIC alone", data(only_heic), refused(r"\.heic", "pillow-heif"), False),
    ("HEIC alone as frames", segment_heic, refused(r"\.heic", "pillow-heif"), False),
    ("hidden folders", data(folder_with(__ipynb_checkpointsSLASH0__png=png(0))),
     works(says=(SEEN_2,)),
     False),
    ("hidden folders in a zip", data(zipped, "data.zip"), works(says=(SEEN_2,)), False),
    ("hidden folders in a tar", data(tarred, "data.tar"), works(says=(SEEN_2,)), False),
    ("a video of Windows Media", data(videos("a__wmv", "asf", "wmv2")), works(says=("video",)),
     False),
    ("a video of a phone", data(videos("a__3gp", "3gp", "mpeg4")), works(says=("video",)), False),
    ("no data", data(lambda folder: (folder / "frames").mkdir()), refused("frames", "no image"),
     False),
]  # fmt: skip


def two_masks(run):
    assert len(run.mask_names()) == 2


def gray_network(verb):
    """Return a maker of weights of a network of one channel, and frames."""

    def make(folder):
        torch.manual_seed(0)
        network = VisionTransformer(8, 64, 2, 1, in_chans=1, img_size=64)
        torch.save(network.state_dict(), folder / "gray.pth")
        command = frames_of(png, ".png")(folder)
        if verb == "segment":
            return [*command, "--weights", "gray.pth", "--precision", "fp32"]
        return ["vos", "features", "frames", "-o", f"{OUT}.npz", "--weights", "gray.pth",
        "--device",
                "cpu"]  # fmt: skip

    return make


_GRAY = [
    (
        "segment",
        gray_network("segment"),
        works(two_masks),
        False,
    ),
    ("features", gray_network("features"), works(), False),
]
ROWS = [
    Row(name, topic, make, outcome, fails_today=fails, own_weights=topic == "one channel")
    for topic, rows in (("skipped files", _SKIPPED), ("one channel", _GRAY))
    for name, make, outcome, fails in rows
]
