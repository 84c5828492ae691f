"""Digests of what frames' masks depend on."""

from vos.app.engine.propagating.chains import Chains, stale_ranges

OLD = Chains("a", {0: "p", 10: "q"})


def changed(new, direction="both", frames=15):
    keys = {frame: OLD.key(direction, frame) for frame in range(frames)}
    return stale_ranges(new, direction, frames, keys.get, set().__contains__)


def test_nothing_is_stale_with_the_same_prompts():
    assert changed(Chains("a", {10: "q", 0: "p"})) == []


def test_a_prompt_in_between_reaches_both_ways():
    assert changed(Chains("a", {0: "p", 5: "r", 10: "q"})) == [[0, 14]]
    assert changed(Chains("a", {0: "p", 5: "r", 10: "q"}), "forward") == [[5, 14]]


def test_a_changed_last_prompt_reaches_all_before_and_behind():
    assert changed(Chains("a", {0: "p", 10: "x"})) == [[0, 14]]
    assert changed(Chains("a", {0: "p", 10: "x"}), "forward") == [[10, 14]]


def test_other_settings_make_all_stale_but_checked_frames():
    new = Chains("b", {0: "p", 10: "q"})
    keys = {frame: OLD.key("both", frame) for frame in range(15)}
    assert stale_ranges(new, "both", 15, keys.get, {3, 4}.__contains__) == [[0, 2], [5, 14]]


def test_directions_leave_what_they_do_not_reach():
    new = Chains("a", {4: "p", 8: "q"})
    assert stale_ranges(new, "forward", 12, lambda _: None, lambda _: False) == [[4, 11]]
    assert stale_ranges(new, "backward", 12, lambda _: None, lambda _: False) == [[0, 7]]
    assert stale_ranges(new, "both", 12, lambda _: None, lambda _: False) == [[0, 11]]


def test_a_frame_between_has_the_digests_of_the_prompts_on_its_side():
    assert OLD.forward(0) == OLD.forward(9) != OLD.forward(10)
    assert OLD.backward(1) == OLD.backward(10) != OLD.backward(0)
    assert OLD.forward(5) != OLD.backward(5)
