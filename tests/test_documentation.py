"""The pages of docs/: all are in the navigation, links lead somewhere, names are complete."""

import re
from pathlib import Path

import pytest

import vos
from tools.docs_reference import COPIES

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
GENERATED = {"commands.md", *COPIES}
PAGES = sorted(
    name
    for name in (path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    if name not in GENERATED
)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


def test_every_page_is_in_the_navigation():
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r"^ +- .*: (\S+\.md)$", settings, re.MULTILINE)
    assert sorted(listed) == sorted([*PAGES, *GENERATED])


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_pages_and_pictures(page):
    links = [link for link, _ in LINK.findall((DOCS / page).read_text("utf-8"))]
    places = [((DOCS / page).parent / link).resolve() for link in links]
    lost = [
        str(place)
        for place in places
        if not place.is_file() and place.relative_to(DOCS).as_posix() not in GENERATED
    ]
    assert lost == []
    assert all(place.is_relative_to(DOCS) for place in places)  # the site has nothing else


def test_the_page_of_the_python_api_has_every_public_name():
    text = (DOCS / "python.md").read_text("utf-8")
    listed = dict(re.findall(r"^::: vos\.(?:\w+\.)*?(\w+)()$", text, re.MULTILINE))
    assert set(listed) == set(vos.__all__) - {"__version__"}
    for place in re.findall(r"^::: (\S+)$", text, re.MULTILINE):
        module, _, name = place.rpartition(".")
        value = getattr(vos, name)
        assert getattr(value, "__module__", module) == module, place


def test_the_pages_load_nothing_from_other_hosts():
    settings = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert "font: false" in settings
    assert "https://" not in settings
