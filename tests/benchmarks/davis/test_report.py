"""The report of a DAVIS run: what is on the page, and its pictures."""

import base64
import json
import re
import shlex
import xml.etree.ElementTree as ET
from html import escape
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from benchmarks.davis.report import is_published_setting, run_name
from benchmarks.reporting.published_figures import DAVIS
from tests.data.davis import davis, make_davis
from vos.evaluation.evaluate import evaluate
from vos.evaluation.rules import ScoringRules
from vos.evaluation.scores import Evaluation, ObjectScore, SequenceScore

WORST = 4


@pytest.fixture(scope="module")
def html(run):
    return (run[1] / "report.html").read_text(encoding="utf-8")


class Images(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        assert tag not in {"script", "link", "iframe"}
        if tag == "img":
            assert found["alt"]
            self.found.append(found["src"])


def test_the_page_needs_nothing_from_outside(html):
    images = Images(html).found
    kinds = [re.match(r"data:(image/[a-z+]+);base64,", source)[1] for source in images]
    # a bar chart, a curve for each of three sequences, two frames for each
    assert kinds == ["image/svg+xml"] * 4 + ["image/jpeg"] * 6
    for kind, source in zip(kinds, images, strict=True):
        data = base64.b64decode(source.split(",", 1)[1])
        if kind == "image/jpeg":
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
            assert picture.shape == (64, 96, 3)
        else:
            ET.fromstring(data)
    assert "url(" not in html


def test_the_page_has_the_figures_beside_the_published_ones(html, run):
    figures = json.loads((run[1] / "results.json").read_text())["global"]
    for name, value in figures.items():
        assert f"<b>{100 * value:.1f}</b><span>{name.replace('&', '&amp;')}</span>" in html
    for method, _ in DAVIS.rows:
        assert f"<td>{method}</td>" in html
    assert "this run: efficientnet_lite0, fp32" in html
    assert "not on the same data, but on 3 sequences, 6 objects of DAVIS 2017" in html


def test_the_page_has_the_settings(html, run):
    record = json.loads((run[1] / "run.json").read_text())
    assert record["settings"]["backbone"]["sha256"] in html
    assert "neighborhood_radius" in html
    assert escape(shlex.join(record["command"])) in html
    assert record["versions"]["torch"] in html


def score(name, number, j, f):
    frames = tuple(f"{t:05d}" for t in range(1, 1 + len(j)))
    return ObjectScore(name, number, number, None, frames, np.array(j), np.array(f))


def test_only_the_whole_val_set_is_beside_the_published_one():
    objects = tuple(score("a", number, [0.5], [0.5]) for number in range(1, 33))
    many = [SequenceScore("a", objects)]
    many += [SequenceScore(str(i), (score(str(i), 1, [0.5], [0.5]),)) for i in range(29)]
    whole = Evaluation("DAVIS 2017", "val", ScoringRules(), tuple(many))
    record = {"settings": {"dataset": {"resolution": "480p"}}}
    assert is_published_setting(whole, record)
    part = Evaluation("DAVIS 2017", "val", ScoringRules(), tuple(many[:-1]))
    assert not is_published_setting(part, record)
    assert not is_published_setting(whole, {"settings": {"dataset": {"resolution": "1080p"}}})


def test_untrained_runs_say_so():
    backbone = {"name": "dino_vits8", "precision": "bf16", "source": "untrained"}
    assert run_name({"backbone": backbone}) == "dino_vits8, bf16, untrained"


def test_the_worst_sequences_are_shown(run, tmp_path):
    """More sequences than are shown: the page has the worst of them alone."""
    lengths = dict.fromkeys("abcdef", 4)
    data = make_davis(tmp_path / "DAVIS", lengths)
    assert davis(data, tmp_path / "run") == 0
    text = (tmp_path / "run" / "report.html").read_text()
    scores = evaluate(tmp_path / "run" / "masks", data, processes=1).sequences
    worst = [s.name for s in sorted(scores, key=lambda s: s.jf_mean)][:WORST]
    assert re.findall(r"<h3>(\w): J&amp;F", text) == worst
