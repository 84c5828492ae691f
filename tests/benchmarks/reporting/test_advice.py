import pytest

from benchmarks.reporting.advice import options_explained
from vos.errors import InputError


def test_a_message_with_an_option_says_whose_it_is():
    with (
        pytest.raises(InputError, match=r"^give --mask FILE \(an option of `vos segment`\)$"),
        options_explained("an option of `vos segment`"),
    ):
        raise InputError("give --mask FILE")


def test_a_message_without_options_stays_as_it_is():
    with pytest.raises(InputError, match=r"^no such file$"), options_explained("anything"):
        raise InputError("no such file")
