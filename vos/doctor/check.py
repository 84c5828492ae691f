"""One line of the examination: what was examined, its state, and what to do about it."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "absent", "fails"]


@dataclass(frozen=True)
class Check:
    """The outcome of one examination."""

    group: str
    """The heading that it stands under."""
    name: str
    state: State
    """`absent` is for what the main job does without."""
    detail: str = ""
    """Versions, sizes, seconds, or the error."""
    advice: str = ""
    """What to do; empty where nothing needs doing."""

    def text(self) -> str:
        """Return the line, with the advice below it."""
        line = f"  {self.state:<7} {self.name}"
        if self.detail:
            line += f": {self.detail}"
        return f"{line}\n          -> {self.advice}" if self.advice else line


def attempt(group: str, name: str, action: Callable[[], str], advice: str) -> Check:
    """Run an action and return its outcome.

    Args:
        group: the heading.
        name: what is examined.
        action: does the work and returns the detail; whatever it raises is a failure.
        advice: what to do if it fails.
    """
    try:
        return Check(group, name, "ok", action())
    except Exception as error:  # any failure is what the examination is for
        message = " ".join(str(error).split())
        return Check(group, name, "fails", private(f"{type(error).__name__}: {message}"), advice)


def private(text: str) -> str:
    """Return a text without the home folder and the user's name in paths."""
    try:
        home, user = str(Path.home()), getpass.getuser()
    except (KeyError, OSError, RuntimeError):  # a user without an entry, as in containers
        return text
    if home != "/":
        text = re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)
    return re.sub(rf"(?<=[/\\]){re.escape(user)}(?![\w.-])", "USER", text)
