"""Which ways a run goes through its frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from vos.errors import InputError
from vos.runtime.progress import status
from vos.segmentation.options import PassOptions
from vos.video.reader import FrameReader

_LIVE = frozenset({"camera", "stream"})


def run_direction(
    options: PassOptions | None,
    prompted: Collection[int],
    reader: FrameReader,
    first: int,
    resumed: Mapping[str, Any] | None = None,
) -> Literal["forward", "both"]:
    """Return which ways a run goes; where `auto` means both, a line on standard error says so.

    Args:
        options: what is asked for; None for the default.
        prompted: indexes of the frames with a mask.
        reader: the source.
        first: index of the first frame taken.
        resumed: the record of the run that is resumed, which `auto` follows; None of a new one.
            Runs recorded before there was a choice went forward.

    Raises:
        InputError: both directions of a camera, a stream or given frames.
    """
    options = options or PassOptions()
    live = reader.kind in _LIVE
    if live and options.direction == "both":
        raise InputError(
            f"{reader.source}: a camera or stream goes forward only, so --direction both is not "
            "possible; give a mask for its first frame, or record it to a file first"
        )
    given = reader.kind == "arrays"
    if given and options.direction == "both":
        raise InputError(
            f"{reader.source}: given frames are read forward only, so both directions are not "
            "possible; give a mask for the first frame, or write the frames to a file"
        )
    if options.direction != "auto":
        return options.direction
    if resumed is not None:
        return "both" if resumed["settings"].get("direction") == "both" else "forward"
    if live or min(prompted) <= first:
        return "forward"
    if given:
        status(f"given frames are read forward only: those before {min(prompted)} have empty masks")
        return "forward"
    status(
        f"the first mask is for frame {min(prompted)}: segmenting back to frame {first} too "
        "(--direction forward leaves the frames before it empty)"
    )
    return "both"
