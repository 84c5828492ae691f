"""A camera service: objects in several streams, one backbone, the newest frames only.

    python camera_service.py OUT NAME=SOURCE [NAME=SOURCE ...] [--loop] [--frames N]

A mask (PNG of ids, 0 background) that is put into OUT/NAME/prompts/ starts, adds or corrects its
objects on the next frame. OUT/NAME/ gets the last 1000 masks and confidence.csv. Ctrl-C and SIGTERM
end it, and the same command goes on where it stopped. Sources are cameras (camera:0), addresses
(rtsp://...) or files; --loop reads files again and again, --frames ends after so many of each.
"""

import argparse
import logging
import threading
import time
from collections import defaultdict
from logging.handlers import RotatingFileHandler
from pathlib import Path

import cv2
import numpy as np

import vos
from vos.propagation.snapshot import load_snapshot, save_snapshot
from vos.runtime.signals import deferred_signals
from vos.video.frame_range import ReadingOptions

KEPT_MASKS = 1000
SAVE_SECONDS = 60
CONFIG = vos.PropagationConfig(mode="adaptive", short_side=240)


class Stream:
    """One source with its tracker, its folder, and a thread that reads its newest frame."""

    def __init__(self, name: str, source: str, folder: Path, backbone: vos.Backbone, loop: bool):
        self.name, self.source, self.folder, self.loop = name, source, folder, loop
        self.tracker = vos.LabelPropagator(backbone, CONFIG)
        self.images: dict[int, np.ndarray] = {}  # what a restart needs: frames in the memory
        self.steps, self.ended, self.stopped = 0, False, False
        self._newest: np.ndarray | None = None
        for part in ("masks", "prompts", "state"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        table = folder / "confidence.csv"  # time, step, object, confidence, whether it is absent
        self.table = logging.Logger(name)
        self.table.addHandler(RotatingFileHandler(table, maxBytes=10 << 20, backupCount=3))
        self._restore()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        live = not Path(self.source).exists()  # a file is read at its own pace
        reading = ReadingOptions(latest=live, reconnects=1_000_000)
        while not self.stopped:
            try:
                with vos.open_frames(self.source, reading=reading, read_ahead=1) as frames:
                    for frame in frames:
                        self._newest = frame.image
                        if self.stopped:
                            return
                        time.sleep(0 if live else 1 / (frames.mean_fps or 24))
            except vos.InputError as error:  # an unplugged camera may come back
                print(f"{self.name}: {error}", flush=True)
                time.sleep(5)
            if not self.loop:
                break
        self.ended = True

    def take(self) -> np.ndarray | None:
        """Return the newest frame, None if it was taken before."""
        frame, self._newest = self._newest, None  # a frame that comes between the two is late
        return frame

    def is_done(self, frames: int | None) -> bool:
        """Whether the source has ended and its last frame is taken, or `frames` steps are."""
        return (self.ended and self._newest is None) or (
            frames is not None and self.steps >= frames
        )

    def step(self, frame: np.ndarray, features) -> None:
        """Track, and write the mask and the confidence of each object."""
        path = next(iter(sorted((self.folder / "prompts").glob("*.png"))), None)
        try:
            prompt = None if path is None else vos.read_mask(path)
            mask = self.tracker.step(frame, prompt, features=features)
        except vos.InputError as error:
            print(f"{self.name}: {error}", flush=True)
            mask = self.tracker.step(frame, features=features)
        if path is not None:
            path.replace(self.folder / "state" / f"prompt-{self.steps:08d}.png")
        self.images[self.steps] = frame
        kept = {*self.tracker.snapshot().frames, self.steps} if self.tracker.objects else ()
        self.images = {number: image for number, image in self.images.items() if number in kept}
        vos.write_mask(self.folder / "masks" / f"{self.steps:08d}.png", mask)
        (self.folder / "masks" / f"{self.steps - KEPT_MASKS:08d}.png").unlink(missing_ok=True)
        for object_id, sure in self.tracker.confidence.items():
            row = (f"{time.time():.3f}", self.steps, object_id, sure.confidence, sure.absent)
            self.table.info(",".join(map(str, row)))
        self.steps += 1

    def save(self) -> None:
        """Save the tracker's state and the frames that it remembers."""
        if not self.tracker.objects:
            return
        snapshot = self.tracker.snapshot()
        for number in snapshot.frames:
            path = self.folder / "state" / f"frame-{number:08d}.png"
            if not path.exists():
                cv2.imwrite(str(path), cv2.cvtColor(self.images[number], cv2.COLOR_RGB2BGR))
        save_snapshot(self.folder / "state" / "state.safetensors", snapshot)
        for path in (self.folder / "state").glob("frame-*.png"):
            if int(path.stem.split("-")[1]) not in snapshot.frames:
                path.unlink()

    def _restore(self) -> None:
        path = self.folder / "state" / "state.safetensors"
        if path.exists():
            snapshot = load_snapshot(path)
            for number in snapshot.frames:
                picture = cv2.imread(str(self.folder / "state" / f"frame-{number:08d}.png"))
                self.images[number] = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
            self.tracker.restore(snapshot, self.images)
            self.steps = snapshot.number + 1
            print(f"{self.name}: going on at step {self.steps}", flush=True)


def serve(streams: list[Stream], frames: int | None) -> None:
    """Step all streams until a signal comes, they end, or each took so many frames."""
    saved = time.monotonic()
    with deferred_signals() as stop:
        while stop.signal is None and (waiting := [s for s in streams if not s.is_done(frames)]):
            batches = defaultdict(list)  # frames of one size share a pass through the network
            for stream in waiting:
                if (frame := stream.take()) is not None:
                    batches[frame.shape].append((stream, frame))
            for batch in batches.values():
                features = batch[0][0].tracker.features([frame for _, frame in batch])
                for (stream, frame), one in zip(batch, features, strict=True):
                    stream.step(frame, one)
            if not batches:
                time.sleep(0.005)
            if time.monotonic() - saved > SAVE_SECONDS:
                saved = time.monotonic()
                for stream in streams:
                    stream.save()
    for stream in streams:
        stream.stopped = True
        stream.save()
        print(f"{stream.name}: {stream.steps} frames", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("streams", nargs="+", metavar="NAME=SOURCE")
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--frames", type=int)
    options = parser.parse_args()
    if strange := [text for text in options.streams if "=" not in text]:
        parser.error(f"{strange[0]}: expected NAME=SOURCE")
    backbone = vos.load_backbone("efficientnet_lite0")
    named = [text.split("=", 1) for text in options.streams]
    streams = [Stream(n, s, options.out / n, backbone, options.loop) for n, s in named]
    serve(streams, options.frames)
