"""Two runs side by side: differences, the interval, the page, wrong input."""

import pytest

from tests.data.davis import bench


def test_the_comparison_is_printed_and_written(runs, tmp_path, capsys):
    assert bench("compare", *runs, "--out", tmp_path / "page.html") == 0
    printed = capsys.readouterr().out
    assert "propagation.topk: 5 -> 10" in printed
    assert "crow_1     0.500   0.800  +0.300" in printed
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 1
    assert 'src="http' not in page
    assert "propagation.topk" in page


def test_without_out_nothing_is_written(runs, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    assert bench("compare", *runs) == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_the_davis_verb_compares_too(runs, tmp_path, capsys):
    assert bench("compare", *runs) == 0
    alone = capsys.readouterr().out
    page = tmp_path / "beside.html"
    assert bench("davis", "--compare", *runs, "--out", page) == 0
    assert capsys.readouterr().out == f"{alone}wrote {page}\n"
    assert page.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("beside", [("--data", "DAVIS"), ("--overwrite",)])
def test_comparing_takes_no_options_of_a_run(runs, beside, capsys):
    assert bench("davis", "--compare", *runs, *beside) == 2
    assert "--compare A B sets finished runs side by side" in capsys.readouterr().err


def test_a_davis_run_needs_data_and_out(tmp_path, capsys):
    assert bench("davis", "--data", tmp_path) == 2
    assert "give --data DAVIS and -o FOLDER" in capsys.readouterr().err
