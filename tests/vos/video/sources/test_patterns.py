"""Patterns of names: brackets in folders, wildcards at any depth, the place of a number."""

import pytest

from vos.video.sources.patterns import is_pattern, matches

FILES = ("a/clip [1]/0.png", "a/clip [1]/1.png", "b/clip [1]/2.png", "b/clip 1/3.png",
         "b/.hidden/4.png", "c/d/e/img_005.png", "c/d/e/img_12.png")  # fmt: skip


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*/clip [1]/*.png", {"0", "1", "2"}),
        ("a/clip [1]/*.png", {"0", "1"}),
        ("b/clip [12]/*.png", {"3"}),
        ("b/*/*.png", {"2", "3"}),
        ("a/clip [1]/[0-9].png", {"0", "1"}),
        ("**/*.png", {"0", "1", "2", "3", "img_005", "img_12"}),
        ("c/**/img_%03d.png", {"img_005"}),
        ("*/clip [1]/%d.png", {"0", "1", "2"}),
        ("c/d/e/img_%d.png", {"img_005", "img_12"}),
        ("x/*.png", set()),
        ("a/0.png/*.png", set()),
    ],
)
def test_what_patterns_match(tmp_path, monkeypatch, pattern, expected):
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    assert is_pattern(pattern)
    for given in (pattern, f"{tmp_path}/{pattern}", f"../{tmp_path.name}/{pattern}"):
        found = [path for path in matches(given) if path.is_file()]
        assert {path.stem for path in found} == expected
        assert len(found) == len(expected)
    assert all(str(path).startswith(pattern[0]) or pattern[0] == "*" for path in matches(pattern))


def test_names_that_are_no_patterns():
    assert not is_pattern("a/b.png")
    assert not is_pattern("100%/b.png")
