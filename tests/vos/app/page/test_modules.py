"""The page's modules: how they are written, and those that need no picture, called alone."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from vos.app import __file__ as APP_FILE

PAGE = Path(APP_FILE).parent / "page"
MODULES = sorted(PAGE.rglob("*.js"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PAGE).as_posix())
def test_modules_are_small_strict_and_described(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == '"use strict";'
    assert len(lines) <= 320
    assert max(map(len, lines)) <= 100
    for above, line in pairwise(lines):
        if re.match(r"export (async )?(function|class)", line):
            assert above.endswith("*/"), line


def test_the_page_names_no_other_host_and_no_inline_code():
    for path in sorted(PAGE.rglob("*")):
        if path.is_file() and path.suffix in (".html", ".js", ".css"):
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"https?:|//\w|innerHTML|eval\(|<style|style=|<script>", text), (
                path
            )


def test_every_icon_that_is_named_is_there():
    icons = set(re.findall(r'id="([\w-]+)"', (PAGE / "icons.svg").read_text(encoding="utf-8")))
    named = set()
    for path in [*MODULES, PAGE / "index.html"]:
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r'icons\.svg#([\w-]+)"', text))
        named |= set(re.findall(r'\bicon\("([\w-]+)"\)', text))
        named |= set(re.findall(r'icon: "([\w-]+)"', text))
    assert named <= icons


def test_an_older_change_never_overwrites_a_newer_one(page):
    script = """import("./core/state.js").then(({State}) => {
      const state = new State();
      state.replace(4, {a: 1, b: 1});
      state.apply(6, {a: 6, b: null});
      state.apply(5, {a: 5, b: 5, c: 5});
      const seen = [state.get("a"), state.get("b"), state.get("c"), state.isMissingSome];
      state.apply(9, {a: 9});
      const gap = state.isMissingSome;
      state.replace(8, {a: 8, d: 8});
      return [...seen, gap, state.get("a"), state.get("c"), state.get("d"), state.isMissingSome]
        .map((value) => value ?? null);
    })"""
    assert page.page.evaluate(script) == [6, None, 5, False, True, 9, None, 8, False]


def test_runs_are_written_out(page):
    script = """import("./canvas/masks.js").then(({expandRuns}) =>
      [...expandRuns([0, 2, 3, 1, 0, 1, 255, 2], 6)])"""
    assert page.page.evaluate(script) == [0, 0, 3, 0, 255, 255]


def test_the_least_sure_of_frames_near_one_another_is_given(page):
    script = """import("./panels/frame_index.js").then(({unsureFrames}) => {
      const least = new Uint8Array(100).fill(250);
      least.set([100, 90, 120], 10);
      least.set([60, 200], 50);
      least[80] = 20;
      least[90] = 0;
      const checked = new Uint8Array(100);
      checked[80] = 1;
      return unsureFrames({size: 100, least, checked, prompts: new Map([[60, 1]])}, 0.9);
    })"""
    assert page.page.evaluate(script) == [50, 11]
