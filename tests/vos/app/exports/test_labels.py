"""Names of objects are unique, and safe where they are written."""

from xml.dom.minidom import parseString

import pytest
import yaml

from vos.app.exports.labels import ObjectLabels, file_stem, xml_attribute, xml_text, yaml_text

ODD = "a \"b\" <c> & d: [e] #f \\ 'g' ß 犬 😀"


def test_names_are_unique_and_given_to_the_nameless():
    red = (255, 0, 0)
    labels = ObjectLabels({4: ("dog", red), 2: ("dog", red), 7: (" ", red), 9: ("a\n b", red)})
    assert labels.ids == [2, 4, 7, 9]
    assert [labels.name(i) for i in labels.ids] == ["dog", "dog (2)", "object 7", "a b"]
    assert [labels.place(i) for i in (2, 9)] == [0, 3]


def test_an_object_without_a_name_comes_after_the_others():
    labels = ObjectLabels({4: ("dog", (1, 2, 3))})
    assert (labels.name(1), labels.place(1), labels.color(1)) == ("object 1", 1, (128, 0, 0))
    assert labels.place(4) == 0
    assert labels.palette()[4].tolist() == [1, 2, 3]
    assert labels.palette()[1].tolist() == [128, 0, 0]


@pytest.mark.parametrize("name", [ODD, "a\tb\nc", "'", '"', "yes", "null", "- x", "\x85\u2028"])
def test_names_come_back_from_xml_and_yaml(name):
    assert yaml.safe_load(f"0: {yaml_text(name)}") == {0: name}
    document = parseString(f"<a b={xml_attribute(name)}>{xml_text(name)}</a>".encode())
    element = document.documentElement
    assert element.getAttribute("b") == name
    assert element.firstChild.data == name.replace("\r", "\n")


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\ud800", "\uffff"])
def test_what_xml_cannot_hold_is_replaced(letter):
    assert xml_text(f"a{letter}b") == "a\ufffdb"
    parseString(f"<a b={xml_attribute(letter)}/>".encode())
    yaml.safe_load(yaml_text(letter).encode())


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("clip", "clip"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("a:b*c?", "a_b_c_"),
        (" .. ", "video"),
        ("", "video"),
        ("\ud800x", "_x"),
        ("n" * 300, "n" * 80),
        ("犬", "犬"),
    ],
)
def test_names_of_files(name, stem):
    assert file_stem(name) == stem
