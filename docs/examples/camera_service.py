"""A camera service: objects in several streams, one backbone, the newest frames only.

    python camera_service.py OUT NAME=SOURCE [NAME=SOURCE ...] [--loop] [--frames N]

A mask (PNG of ids, 0 background) moved into OUT/NAME/prompts/ starts, adds or corrects its objects.
OUT/NAME/ gets the last 1000 masks, and confidence.csv: time, step, object, confidence, absent.
Ctrl-C and SIGTERM end it; the same command goes on. Sources are cameras (camera:0), addresses
(rtsp://...) or files; --loop repeats files, --frames ends after so many frames of each.
"""

import argparse
import logging
import signal
import threading
import time
from collections import defaultdict
from logging.handlers import RotatingFileHandler
from pathlib import Path

import numpy as np

import vos

KEPT_MASKS, SAVE_SECONDS = 1000, 60
CONFIG = vos.PropagationConfig(mode="adaptive", short_side=240)


class Stream:
    """One source with its tracker, its folder, and a thread that reads its newest frame."""

    def __init__(self, name: str, source: str, folder: Path, backbone: vos.Backbone, loop: bool):
        self.name, self.source, self.folder = name, source, folder
        self.live = "://" in source or source.startswith(("camera:", "/dev/"))
        if not self.live:  # a camera may come later, a file has to be there
            vos.open_frames(source).close()
        self.again = loop or self.live
        self.tracker = vos.LabelPropagator(backbone, CONFIG)
        self.images, self.saved = {}, time.monotonic()  # images: those in the tracker's memory
        for part in ("masks", "prompts/used", "state"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self.steps = self.first = self._restore()
        self.table = RotatingFileHandler(folder / "confidence.csv", maxBytes=10**7, backupCount=3)
        self.newest, self.ended, self.stop = None, False, threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        reading = vos.ReadingOptions(latest=self.live, reconnects=10**6, on_size_change="resize")
        while not (self.ended or self.stop.is_set()):
            try:
                with vos.open_frames(self.source, reading=reading, read_ahead=1) as frames:
                    for frame in frames:
                        self.newest = frame.image
                        if self.stop.wait(0 if self.live else 1 / float(frames.mean_fps or 24)):
                            return
            except (vos.InputError, OSError) as error:
                print(f"{self.name}: {error}", flush=True)
                self.stop.wait(5)
            self.ended = not self.again

    def step(self, frame: np.ndarray, features) -> None:
        """Track, and write the mask and the confidence of each object."""
        path = min((self.folder / "prompts").glob("*.png"), default=None)
        try:
            prompt = None if path is None else vos.read_mask(path)
            mask = self.tracker.step(frame, prompt, features=features)
        except vos.InputError as error:  # a mask or a frame that cannot be used is left out
            print(f"{self.name}: {error}", flush=True)
            return
        finally:
            if path is not None:
                path.replace(self.folder / "prompts/used" / f"{self.steps:08d}.png")
        self.images = {n: self.images.get(n, frame) for n in self.tracker.snapshot().frames}
        vos.write_mask(self.folder / "masks" / f"{self.steps:08d}.png", mask)
        (self.folder / "masks" / f"{self.steps - KEPT_MASKS:08d}.png").unlink(missing_ok=True)
        for number, sure in self.tracker.confidence.items():
            row = (round(time.time(), 3), self.steps, number, sure.confidence, int(sure.absent))
            self.table.emit(logging.makeLogRecord({"msg": ",".join(map(str, row))}))
        self.steps += 1
        if time.monotonic() - self.saved > SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Save the frames in the tracker's memory, then its state, which names them."""
        self.saved = time.monotonic()
        state, snapshot = self.folder / "state", self.tracker.snapshot()
        frames = state / f"frames-{snapshot.number}.npz"
        np.savez(frames, **{str(number): self.images[number] for number in snapshot.frames})
        vos.save_snapshot(state / "tracker.safetensors", snapshot)
        for path in {*state.glob("frames-*.npz")} - {frames}:
            path.unlink()

    def _restore(self) -> int:
        path = self.folder / "state/tracker.safetensors"
        if not path.exists():
            return 0
        snapshot = vos.load_snapshot(path)
        with np.load(path.with_name(f"frames-{snapshot.number}.npz")) as frames:
            self.images = {int(number): frames[number] for number in frames.files}
        self.tracker.restore(snapshot, self.images)
        print(f"{self.name}: going on at step {snapshot.number + 1}", flush=True)
        return snapshot.number + 1


def serve(streams: list[Stream], frames: float, stop: threading.Event) -> None:
    """Step all streams until they end, each took so many frames, or a stop is asked for."""
    while waiting := [] if stop.is_set() else [s for s in streams if s.steps - s.first < frames]:
        over = all(stream.ended for stream in waiting)  # each last frame is taken below
        batches = defaultdict(list)  # frames of one size share a pass through the network
        for stream in waiting:
            frame, stream.newest = stream.newest, None  # one that comes in between is late
            if frame is not None:
                batches[frame.shape].append((stream, frame))
        for batch in batches.values():
            features = batch[0][0].tracker.features([frame for _, frame in batch])
            for (stream, frame), one in zip(batch, features, strict=True):
                stream.step(frame, one)
        if not batches and (over or stop.wait(0.005)):
            break
    for stream in streams:
        stream.stop.set()
        stream.save()
        print(f"{stream.name}: {stream.steps} frames", flush=True)


def main() -> None:
    """Read the command line, start the streams and serve them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("streams", nargs="+", metavar="NAME=SOURCE")
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--frames", type=int, default=float("inf"))
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    named = dict(text.partition("=")[::2] for text in options.streams)
    usable = [n for n, s in named.items() if n.strip(".") and s and Path(n).name == n]
    if len(usable) < len(options.streams):
        parser.error(f"{options.streams}: expected NAME=SOURCE, NAME a folder's and used once")
    try:
        backbone = vos.load_backbone("efficientnet_lite0")
        each = [Stream(n, s, options.out / n, backbone, options.loop) for n, s in named.items()]
    except vos.InputError as error:
        parser.error(str(error))
    serve(each, options.frames, stop)


if __name__ == "__main__":
    main()
