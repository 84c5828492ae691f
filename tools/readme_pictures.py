"""Make the pictures of README.md and docs/: `python tools/readme_pictures.py`, after `make demo`.

Reads runs/demo (what `make demo` writes) and writes docs/pictures/demo.jpg.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

SHEET = Path("runs/demo/contact_sheet.png")
PICTURE = Path("docs/pictures/demo.jpg")
_QUALITY = 75


def main() -> int:
    """Write the demo's contact sheet as a small JPEG."""
    sheet = cv2.imread(str(SHEET))
    if sheet is None:
        print(f"{SHEET} is not there; run make demo first", file=sys.stderr)
        return 2
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(PICTURE), sheet, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]):
        print(f"{PICTURE} cannot be written", file=sys.stderr)
        return 1
    print(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
