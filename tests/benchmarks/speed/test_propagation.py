"""The plain protocol is the measure of speed, so it has to give the very masks of `vos`."""

from benchmarks.speed.propagation import in_turns


def test_contestants_take_turns_and_medians_are_reported():
    order = []
    times = in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert set(times) == {"a", "b"}
