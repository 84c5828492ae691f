"""The memory of context frames: what stays, in what order, with which channels."""

import pytest
import torch

from vos.propagation.memory import ContextFrame, ContextMemory

PATCHES = 4


def frame(number, channels, *, background=0.0):
    """A frame whose labels say which frame and channel they are: 10 * number + channel."""
    labels = torch.full((PATCHES, channels), 10.0 * number) + torch.arange(channels)
    labels[:, 0] = background
    return ContextFrame(number, [torch.full((2, 2, 3), float(number))], labels)


def numbers(memory):
    return [stored.number for stored in memory]


def filled():
    """Channels 1 and 2 prompted in frame 0, channel 1 again in 3; the last two frames kept."""
    memory = ContextMemory(2)
    memory.remember_prompt(frame(0, 3), [1, 2])
    for number in (1, 2):
        memory.remember(frame(number, 3))
    memory.remember_prompt(frame(3, 3), [1])
    memory.remember(frame(4, 3))
    return memory


def test_a_new_memory_holds_the_background_alone():
    memory = ContextMemory(3)
    assert (len(memory), list(memory), memory.channels) == (0, [], 1)
    state = memory.state()
    assert (state.prompted, state.last, state.first_prompt, state.frames) == ({}, {}, (), ())


@pytest.mark.parametrize(("n_last", "want"), [(0, [0]), (1, [0, 5]), (3, [0, 3, 4, 5])])
def test_the_last_frames_stay_and_the_prompted_one_before_them(n_last, want):
    memory = ContextMemory(n_last)
    memory.remember_prompt(frame(0, 2), [1])
    for number in range(1, 6):
        memory.remember(frame(number, 2))
    assert numbers(memory) == want
    assert len(memory) == len(want)


def test_prompted_frames_come_first_in_the_order_of_the_video():
    assert numbers(filled()) == [0, 3, 2, 4]


def test_of_a_channel_s_prompts_the_first_and_the_latest_stay():
    memory = ContextMemory(1)
    for number in range(6):
        memory.remember_prompt(frame(number, 2), [1])
        assert len(memory) <= 2
    assert numbers(memory) == [0, 5]
    assert memory.state().first_prompt == (0,)
    assert memory.state().latest_prompt == (5,)


def test_a_prompt_that_another_channel_needs_stays():
    memory = ContextMemory(1)
    memory.remember_prompt(frame(0, 2), [1])
    memory.remember_prompt(frame(1, 3), [1, 2])
    memory.remember_prompt(frame(2, 3), [1])
    assert numbers(memory) == [0, 1, 2]  # 1 is the first and the latest prompt of channel 2
    memory.remember_prompt(frame(3, 3), [2])
    assert numbers(memory) == [0, 1, 2, 3]
    memory.remember_prompt(frame(4, 3), [1, 2])
    assert numbers(memory) == [0, 1, 4]


def test_new_channels_may_be_given_in_any_order():
    memory = ContextMemory(1)
    memory.remember_prompt(frame(2, 4), [3, 1, 2])
    assert memory.channels == 4
    assert memory.state().first_prompt == (2, 2, 2)


def test_a_removed_channel_becomes_background_and_later_ones_move_up():
    memory = filled()
    memory.remove_channel(1)
    assert memory.channels == 2
    for stored in memory:
        n = 10.0 * stored.number
        assert torch.equal(stored.labels, torch.tensor([[n + 1, n + 2]]).expand(PATCHES, 2))
    assert numbers(memory) == [0, 2, 4]  # frame 3 prompted the removed channel alone
    assert memory.state().first_prompt == memory.state().latest_prompt == (0,)


def test_removing_the_last_channel_leaves_no_prompted_frame():
    memory = filled()
    memory.remove_channel(2)
    memory.remove_channel(1)
    assert (memory.channels, numbers(memory)) == (1, [2, 4])
    assert all(stored.labels.shape == (PATCHES, 1) for stored in memory)


def test_removing_a_channel_leaves_labels_that_were_handed_out_alone():
    memory = filled()
    state = memory.state()
    before = {n: labels.clone() for n, labels in (state.prompted | state.last).items()}
    memory.remove_channel(1)
    for number, labels in (state.prompted | state.last).items():
        assert torch.equal(labels, before[number])


def test_the_state_is_not_changed_by_what_comes_later():
    memory = filled()
    state = memory.state()
    memory.remember_prompt(frame(5, 3), [1, 2])
    memory.remember(frame(6, 3))
    assert (list(state.prompted), list(state.last), state.frames) == ([0, 3], [2, 4], (0, 2, 3, 4))
    assert (state.first_prompt, state.latest_prompt) == ((0, 0), (3, 0))


def test_a_restored_memory_goes_on_as_the_first():
    memory, again = filled(), ContextMemory(2)
    again.remember_prompt(frame(9, 2), [1])  # forgotten
    again.remember(frame(10, 2))
    state = memory.state()
    again.restore(state, {number: frame(number, 3).features for number in state.frames})
    for each in (memory, again):
        each.remember(frame(5, 3))
        each.remember_prompt(frame(6, 3), [2])
        each.remove_channel(1)
    assert numbers(memory) == numbers(again) == [0, 6, 4, 5]
    for one, other in zip(memory, again, strict=True):
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.features[0], other.features[0])
    assert memory.state().latest_prompt == again.state().latest_prompt == (6,)


def test_the_first_frame_stands_for_those_that_are_missing():
    memory = ContextMemory(3)
    assert memory.last(filled=True) == []
    memory.remember_prompt(frame(0, 2), [1])
    for number, want in [(1, [0, 0, 1]), (2, [0, 1, 2]), (3, [1, 2, 3]), (4, [2, 3, 4])]:
        memory.remember(frame(number, 2))
        assert [f.number for f in memory.last(filled=True)] == want
        assert [f.number for f in memory.last()] == [n for n in want if n]
    assert [f.number for f in memory.prompted] == [0]
