import pytest

from benchmarks.davis.grid import label, parse_grid, table_lines
from vos.errors import InputError
from vos.propagation.config import PropagationConfig


def test_all_combinations_the_last_name_fastest():
    assert parse_grid(["topk=5,10", "temperature=0.05,0.1"]) == [
        {"topk": 5, "temperature": 0.05},
        {"topk": 5, "temperature": 0.1},
        {"topk": 10, "temperature": 0.05},
        {"topk": 10, "temperature": 0.1},
    ]


def test_values_are_of_their_fields_kinds():
    (point,) = parse_grid(
        ["neighborhood-shape=circle", "stretch_channels=False", "upsampling=nearest"]
    )
    assert point == {
        "neighborhood_shape": "circle", "stretch_channels": False, "upsampling": "nearest",
    }  # fmt: skip
    assert PropagationConfig(**point).neighborhood_shape == "circle"
    assert parse_grid(["topk=5,5"]) == [{"topk": 5}]
    assert label(*parse_grid(["neighborhood_radius=12"])) == "neighborhood_radius=12"
    assert parse_grid(["neighborhood_radius=3.5"]) == [{"neighborhood_radius": 3.5}]
    assert label({"topk": 5, "temperature": 0.1}) == "topk=5,temperature=0.1"


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ([], "no grid"),
        (["k=5"], "with a NAME of mode, n_last_frames"),
        (["topk"], "expected NAME=VALUE"),
        (["topk=5.5"], "expected a whole number"),
        (["temperature=warm"], "expected a number"),
        (["neighborhood_shape=star"], "expected one of square, circle"),
        (["stretch_channels=maybe"], "expected one of true, false"),
        (["topk=5", "topk=6"], "given twice"),
        (["topk=0"], "topk is 0"),
    ],
)
def test_wrong_grids_are_said(grid, message):
    with pytest.raises(InputError, match=message):
        parse_grid(grid)


def test_long_tables_are_cut():
    lines = table_lines([{"topk": 5, "J": 0.51234}] * 3, limit=2)
    assert lines == ["topk       J", "   5  0.5123", "   5  0.5123", "and 1 more"]
