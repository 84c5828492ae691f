"""The command line: verbs, presets, exit status."""

import pytest

from pretrain.cli import VERBS, preset_in, run


@pytest.mark.parametrize("verb", ["train", "check-data", "show-crops"])
def test_no_data_are_asked_for_by_a_name_that_the_help_has(taken, verb, capsys):
    assert run([verb]) == 2 and not taken
    assert "no data given; name one or more folders" in capsys.readouterr().err
    assert run([verb, "--help"]) == 0
    assert "DATA [DATA ...]" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--preset", "huge"], ["--preset=huge"]])
def test_an_unknown_preset_is_said(arguments, capsys):
    assert run(["train", *arguments]) == 2
    assert "dino_vits8" in capsys.readouterr().err


def test_the_preset_is_found_in_a_command_line():
    assert preset_in(["train", "--preset", "cpu"]) == preset_in(["train", "--preset=cpu"]) == "cpu"
    assert preset_in(["train"]) == preset_in(["train", "--preset"]) == ""


def test_values_out_of_range_exit_with_2(capsys):
    assert run(["train", "--teacher-temp", "9", "--data-path", "a"]) == 2
    assert "teacher_temp is 9.0" in capsys.readouterr().err


def test_help_lists_every_verb(capsys):
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(verb.name in said for verb in VERBS)
