"""The fuzzer itself: its good inputs are good, its bad ones differ, a fault is kept once."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.__main__ import Findings
from tests.fuzz.mutations import inputs
from tests.fuzz.targets import TARGETS

CODES = TARGETS["code"].seeds()


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_most_good_inputs_are_read(target, tmp_path):
    seeds, refused = target.seeds(), 0
    for data in seeds:
        try:
            target.read(data, tmp_path)
        except target.refusals:
            refused += 1
    assert 2 * refused < len(seeds)


def test_inputs_are_changed():
    changed = set()

    @settings(max_examples=50, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs(CODES, is_json=True))
    def collect(data):
        changed.add(data)

    collect()
    assert len(changed - set(CODES)) > 20


def test_one_input_of_a_kind_is_kept(tmp_path):
    findings = Findings(tmp_path)
    for data in (b"first", b"second"):
        findings.add("ValueError at io.py:read", "trace", data)
    findings.add("KeyError at io.py:read", "trace", b"third")
    kept = {(tmp_path / name).read_bytes() for name in Findings(tmp_path).kinds.values()}
    assert kept == {b"first", b"third"}
