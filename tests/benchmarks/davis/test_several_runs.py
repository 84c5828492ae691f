"""Three and more runs beside the first: figures, differences, intervals, the page."""

import pytest

from benchmarks.davis.comparison import read_run
from benchmarks.davis.several_runs import compare_all
from tests.data.davis import bench
from tests.data.davis_runs import write_run
from vos.errors import InputError


@pytest.fixture
def three(runs, tmp_path):
    third = write_run(tmp_path / "c", {"bear": [0.5, 0.6], "crow": [0.9], "deer": [0.1]}, 20)
    return [read_run(folder) for folder in (*runs, third)]


def test_each_run_is_compared_with_the_first(three):
    several = compare_all(three)
    assert [folder for _, folder in several.letters()] == [str(run.folder) for run in three]
    assert several.settings() == [("propagation.topk", "5", "10", "20")]
    (mean, first, second, third), *_ = several.overall()
    assert (mean, first) == ("J&F-Mean", "0.550")
    assert second.startswith("0.625 (+0.075) [")
    assert third.startswith("0.525 (-0.025) [")


def test_the_best_of_each_object_is_marked(three):
    rows = {name: values for name, *values in compare_all(three).by_object()}
    assert rows == {  # J&F, which is J + .1 in these runs
        "bear_1": ["0.600", "0.700*", "0.600"],
        "bear_2": ["0.700*", "0.600", "0.700*"],
        "crow_1": ["0.500", "0.800", "1.000*"],
        "deer_1": ["0.800*", "0.800*", "0.200"],
    }


def test_a_setting_that_one_run_changes_stands_for_all(three, tmp_path):
    same = write_run(tmp_path / "d", {"bear": [0.5, 0.6], "crow": [0.4], "deer": [0.7]})
    several = compare_all([three[0], read_run(same), three[2]])
    assert several.settings() == [("propagation.topk", "5", "5", "20")]


def test_it_is_printed_and_written(three, tmp_path, capsys):
    folders = [run.folder for run in three]
    page = tmp_path / "page.html"
    assert bench("compare", *folders, "-o", page) == 0
    printed = capsys.readouterr().out
    assert f"A: {folders[0]}" in printed
    assert "  propagation.topk: 5 | 10 | 20" in printed
    assert "J&F by object (* best)" in printed
    text = page.read_text()
    assert all(str(folder) in text for folder in folders)
    assert "1.000*" in text


def test_fewer_than_two_are_refused(three, capsys):
    assert bench("compare", three[0].folder) == 2
    assert "give the folders of two or more" in capsys.readouterr().err
    with pytest.raises(InputError, match="two or more"):
        compare_all(three[:1])


def test_a_third_run_of_other_objects_is_refused(three, tmp_path, capsys):
    fewer = write_run(tmp_path / "d", {"bear": [0.5, 0.6], "crow": [0.4]})
    assert bench("compare", three[0].folder, three[1].folder, fewer) == 2
    assert "have not the same objects" in capsys.readouterr().err
