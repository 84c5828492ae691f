"""CITATION.cff and the forms for issues: readable, of this version, asking for what is needed."""

from pathlib import Path

import pytest

from vos._version import __version__

ROOT = Path(__file__).resolve().parent.parent
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml"))  # config.yml is no form


def read(path):
    return pytest.importorskip("yaml").safe_load(path.read_text("utf-8"))


def test_the_citation_is_of_this_version():
    citation = read(ROOT / "CITATION.cff")
    assert str(citation["version"]) == __version__
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["license"] == "Apache-2.0"


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_has_what_the_site_needs(path):
    form = read(path)
    assert {"name", "description", "body"} <= form.keys()
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)


@pytest.mark.parametrize("name", ["bug", "figure"])
def test_reports_need_the_output_of_the_doctor(name):
    fields = {field.get("id"): field for field in read(FORMS[0].with_name(f"{name}.yml"))["body"]}
    assert "`vos doctor`" in fields["doctor"]["attributes"]["label"]
    assert fields["doctor"]["validations"] == {"required": True}
