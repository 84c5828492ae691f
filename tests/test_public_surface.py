"""What users rely on, compared with a record: public names, options and presets.

`data/public_surface.json` is the record; `test_public_files.py` compares the rest of it. It is
reached through what users reach alone: the names of `vos`, the tables of verbs, and the three
programs; no other module is named here. A change that is meant is recorded by

    VOS_RECORD_SURFACE=1 python -m pytest tests/test_public_surface.py tests/test_public_files.py

and the difference of the record then belongs in the review, and in CHANGELOG.md.
"""

import dataclasses
import functools
import hashlib
import importlib
import inspect
import re
import sys
import types
import typing
from pathlib import Path

import numpy as np
import pytest
import tyro

import vos

PACKAGES = {"vos": "vos", "vos-pretrain": "pretrain", "vos-bench": "benchmarks"}


def verbs_of(program):
    table = importlib.import_module(f"{PACKAGES[program]}.cli")
    return table.VERBS if hasattr(table, "VERBS") else table.verbs()


# --- names and signatures


def is_of_vos(thing):
    return str(getattr(thing, "__module__", "")).partition(".")[0] == "vos"


def own_members(cls):
    """Public members that classes of this project give to a class, and those of its protocols."""
    special = {"__call__", "__enter__", "__exit__", "__iter__", "__len__", "__next__"}
    members = {}
    for base in reversed([base for base in cls.__mro__ if is_of_vos(base)]):
        names = [*vars(base), *vars(base).get("__annotations__", {})]
        shown = [n for n in names if not n.startswith("_") or n in special]
        members |= {n: (base, vars(base).get(n, inspect.Parameter.empty)) for n in shown}
    return members


def annotation_text(annotation, module):
    """An annotation without module paths; a class without a public name by its members."""
    if annotation in (inspect.Parameter.empty, None):
        return str(None) if annotation is None else "untyped"
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?=[A-Za-z_])", "", text)
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda m: class_text(m[0], module), text)


def class_text(name, module):
    loaded = [m for n, m in sorted(sys.modules.items()) if n.partition(".")[0] == "vos"]
    places = [vars(m) for m in (sys.modules[module], *loaded)]
    known = next((place[name] for place in places if name in place), None)
    if name in vos.__all__ or not isinstance(known, type) or not is_of_vos(known):
        return name
    return f"<{', '.join(sorted(own_members(known)))}>"


def value_text(value):
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}()"
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()[:12]}"
    return getattr(value, "__qualname__", None) or repr(value)


def signature_text(function, module):
    parts, marker = [], ""
    signature = inspect.signature(function)
    for p in signature.parameters.values():
        if p.kind is p.KEYWORD_ONLY and not marker:
            parts.append(marker := "*")
        text = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "") + p.name
        if p.name not in ("self", "cls"):
            text += f": {annotation_text(p.annotation, module)}"
        parts.append(text if p.default is p.empty else f"{text} = {value_text(p.default)}")
    returned = signature.return_annotation
    ending = "" if isinstance(function, type) else f" -> {annotation_text(returned, module)}"
    return f"({', '.join(parts)}){ending}"


def class_lines(cls):
    bases = [b.__name__ for b in cls.__mro__[1:] if not is_of_vos(b) and b is not object]
    fields = {f.name: f for f in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else {}
    lines = [f"class of {', '.join(bases) or 'object'}"]
    if is_of_vos(cls.__init__):
        lines.append(signature_text(cls, cls.__module__))
    for name, field in fields.items():
        made = field.default_factory is not dataclasses.MISSING
        default = field.default_factory() if made else field.default
        given = "" if default is dataclasses.MISSING else f" = {value_text(default)}"
        lines.append(f"field {name}: {annotation_text(field.type, cls.__module__)}{given}")
    for name, (owner, member) in sorted(own_members(cls).items()):
        if name not in fields:
            lines.append(member_text(name, owner, member))
    return lines


def member_text(name, owner, member):
    module = owner.__module__
    if isinstance(member, property | functools.cached_property):
        getter = member.fget if isinstance(member, property) else member.func
        returned = inspect.signature(getter).return_annotation
        return f"property {name}: {annotation_text(returned, module)}"
    if isinstance(member, classmethod | staticmethod):
        return f"{type(member).__name__} {name}{signature_text(member.__func__, module)}"
    if inspect.isfunction(member):
        return f"method {name}{signature_text(member, module)}"
    text = annotation_text(owner.__annotations__.get(name, inspect.Parameter.empty), module)
    return f"attribute {name}: {text}"


def test_names_and_signatures(assert_recorded):
    for verb in verbs_of("vos"):
        verb.load()  # all modules, so that `class_text` finds the same in any order of tests
    now = {}
    for name in sorted(vos.__all__):
        value = getattr(vos, name)
        if isinstance(value, type):
            now[name] = class_lines(value)
        elif callable(value):
            now[name] = [signature_text(value, value.__module__)]
        else:
            now[name] = [type(value).__name__]
    assert_recorded("names", now)


# --- options


def type_text(hint):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (None, type(None), ...):
        return "..." if hint is ... else "None"
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(type_text, arguments))
    if origin is typing.Literal:
        return "{" + ", ".join(map(str, arguments)) + "}"
    inner = f"[{', '.join(map(type_text, arguments))}]" if arguments else ""
    return (origin or hint).__name__ + inner


def options_of(verb, start=None):
    """Yield (names, line) of every option, as tyro takes them from a verb's dataclass."""
    hints = typing.get_type_hints(verb, include_extras=True)
    for field in dataclasses.fields(verb):
        hint, marks = hints[field.name], ()
        if typing.get_origin(hint) is typing.Annotated:
            hint, *marks = typing.get_args(hint)
        default = getattr(start, field.name, field.default)
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if dataclasses.is_dataclass(hint):
            yield from options_of(hint, None if default is dataclasses.MISSING else default)
        elif not any(dataclasses.is_dataclass(arm) for arm, _ in subverbs_in(hint)):
            yield option(field.name, hint, marks, default)


def option(name, hint, marks, default):
    flag = next((m.name for m in marks if getattr(m, "name", None)), name.replace("_", "-"))
    aliases = [a for mark in marks for a in getattr(mark, "aliases", None) or ()]
    names = [*aliases, f"--{flag}", *([f"--no-{flag}"] if hint is bool else [])]
    if tyro.conf.Positional in marks:
        names = []
    repeated = ", may be repeated" if tyro.conf.UseAppendAction in marks else ""
    given = "required" if default is dataclasses.MISSING else f"default {value_text(default)}"
    return names, f"{', '.join(names) or flag.upper()}: {type_text(hint)}{repeated}, {given}"


def subverbs_in(hint):
    """Yield (dataclass, name) of the arms of a choice of verbs."""
    for arm in typing.get_args(hint):
        if typing.get_origin(arm) is typing.Annotated:
            cls, *marks = typing.get_args(arm)
            yield cls, next((m.name for m in marks if hasattr(m, "name")), None)


def all_verbs(program):
    """Yield (words of the command line, dataclass), those of verbs in verbs too."""
    for verb in verbs_of(program):
        loaded = verb.load()
        yield (verb.name,), loaded
        for hint in typing.get_type_hints(loaded, include_extras=True).values():
            for cls, name in subverbs_in(hint):
                if dataclasses.is_dataclass(cls):
                    yield (verb.name, name), cls


def options_in(help_text):
    """The options that a help text lists; their descriptions are indented further."""
    heads = re.findall(r"^[│ ] (-.*?)(?:  |$)", help_text, re.MULTILINE)
    return {name for head in heads for name in re.findall(r"(?<![\w-])--?[a-z][\w-]*", head)}


@pytest.mark.parametrize("program", PACKAGES)
def test_options(program, run_program, assert_recorded):
    now = {}
    for words, verb in all_verbs(program):
        options = list(options_of(verb))
        now[" ".join((program, *words))] = [line for _, line in options]
        walked = {name for names, _ in options for name in names}
        assert options_in(run_program(program, *words, "--help")) - {"-h", "--help"} == walked, (
            words
        )
    assert_recorded(f"options of {program}", now)


def test_presets(run_program, assert_recorded):
    told = run_program("vos-pretrain", "train", "--preset", "unknown", status=2)
    names = told.split("presets are:")[1].strip().split(", ")
    verb = next(v for v in verbs_of("vos-pretrain") if v.name == "train")
    plain = [line for _, line in options_of(verb.load())]
    now = {}
    for name in names:
        lines = [line for _, line in options_of(dataclasses.replace(verb, preset=name).load())]
        now[name] = [line for line in lines if line not in plain]
    assert_recorded("presets", now)
