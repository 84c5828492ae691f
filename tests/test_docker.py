"""The Dockerfiles, read as text: what they copy is there and is let in, and what runs is `vos`.

Building an image needs Docker and a network, so it is no test.
"""

import configparser
import fnmatch
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = ("Dockerfile", "Dockerfile.cuda")


def instructions(name):
    """Return the instructions of a Dockerfile: (word, arguments)."""
    text = (ROOT / name).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def arguments_of(name, word):
    return [arguments for said, arguments in instructions(name) if said == word]


def copied(name):
    return [source for line in arguments_of(name, "COPY") for source in line.split()[:-1]]


def is_let_in(path):
    """Whether .dockerignore leaves a path of the root in: the last rule that fits counts."""
    let_in = True
    for rule in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if rule and not rule.startswith("#") and fnmatch.fnmatch(path, rule.lstrip("!")):
            let_in = rule.startswith("!")
    return let_in


@pytest.fixture(scope="module")
def setup():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return setup


@pytest.mark.parametrize("name", FILES)
def test_what_is_copied_is_there_and_reaches_the_build(name):
    sources = copied(name)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if not is_let_in(source)] == []
    assert not is_let_in("tests")
    assert not is_let_in(".git")


@pytest.mark.parametrize("name", FILES)
def test_all_that_the_package_is_built_from_is_copied(name, setup):
    needed = {"setup.cfg", "pyproject.toml", setup["metadata"]["long_description"].split()[-1]}
    needed.add(setup["metadata"]["license_files"])
    needed |= {p.rstrip("*") for p in setup["options.packages.find"]["include"].split()}
    assert needed <= set(copied(name))


@pytest.mark.parametrize("name", FILES)
def test_the_python_and_the_extras_are_those_of_the_package(name, setup):
    (image,) = arguments_of(name, "FROM")
    version = re.fullmatch(r"python:(3\.\d+)-slim", image)[1]
    assert f"Programming Language :: Python :: {version}" in setup["metadata"]["classifiers"]
    installs = [line for line in arguments_of(name, "RUN") if "pip install" in line]
    assert "torch torchvision" in installs[0]
    assert ("/whl/cpu" in installs[0]) == (name == "Dockerfile")
    extra = re.search(r'"\.\[(\w+)\]"', installs[-1])[1]
    assert extra in setup["options.extras_require"]


@pytest.mark.parametrize("name", FILES)
def test_it_runs_the_program_as_a_user_without_rights(name, setup):
    (entry,) = arguments_of(name, "ENTRYPOINT")
    (program,) = json.loads(entry)
    assert f"{program} = " in setup["options.entry_points"]["console_scripts"]
    words = [word for word, _ in instructions(name)]
    (user,) = arguments_of(name, "USER")
    assert user not in ("root", "0")
    assert f"useradd --create-home --uid 1000 {user}" in arguments_of(name, "RUN")[0]
    assert words.index("USER") > len(words) - 1 - words[::-1].index("RUN")
