from contextlib import ExitStack

from vos.runtime.progress import CountProgress


def test_a_count_opens_with_the_first_frame_or_where_the_total_is_known(capsys):
    with ExitStack() as stack:
        CountProgress(stack, "waits")
    assert capsys.readouterr().err == ""
    with ExitStack() as stack:
        CountProgress(stack, "known", 3)
    assert capsys.readouterr().err.startswith("known: 0/3 frames")


def test_counts_are_shown_as_steps(capsys):
    with ExitStack() as stack:
        shown = CountProgress(stack, "count")
        shown(2, 5)
        shown(5, 5, "last")
    assert capsys.readouterr().err.startswith("count: 5/5 frames")
