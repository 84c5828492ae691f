"""The whole table."""

from tests.corpus import annotations, indexed, masks, prompts

ROWS = [row for kind in (masks, indexed, prompts, annotations) for row in kind.ROWS]
