"""The names of the files that a benchmark leaves behind."""

from __future__ import annotations

RUN, RESULTS, TABLE = "run.json", "results.json", "table.md"
