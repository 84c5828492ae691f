"""`vos-bench all`: several benchmarks from one file, and one report of them."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import tyro

from benchmarks.reporting import html
from benchmarks.reporting.benchmark_run import RESULTS, RUN
from vos.cli.verbs import Verb, run_verbs
from vos.errors import InputError
from vos.files import write_json

REPORT, SUMMARY = "report.html", "suite.json"
_OWN = "all"


@dataclass(frozen=True)
class Planned:
    """One benchmark that the file lists."""

    name: str
    """Its folder in the output folder, and its heading in the report."""
    verb: str
    options: dict[str, Any]
    """Options by their long names, without the dashes."""

    def arguments(self, out: Path) -> list[str]:
        """Return the command line of the benchmark, its output folder included."""
        given = [self.verb, "--out", str(out / self.name)]
        for name, value in self.options.items():
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                given.append(f"--{flag}" if value else f"--no-{flag}")
            elif isinstance(value, list):
                given += [f"--{flag}", *(str(item) for item in value)]
            else:
                given += [f"--{flag}", str(value)]
        return given


@dataclass(frozen=True)
class Suite:
    """Run the benchmarks that a file lists, and write one report of them.

    The file is JSON: {"common": {option: value, ...}, "runs": [{"verb": "knn", "name": "...",
    option: value, ...}, ...]}. Options are those of the verbs, without dashes; true and false
    switch, lists give several values; those of "common" hold for every run. A run that is complete
    with the same options is not run again; one that fails does not end the others.
    """

    config: Path
    """The file."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder with a folder a run, report.html and suite.json."""
    again: bool = False
    """Run complete ones again."""

    def run(self) -> int:
        """Run everything, write the report, and return 1 if a run failed."""
        from benchmarks.cli import VERBS

        verbs = [verb for verb in VERBS if verb.name != _OWN]
        planned = read_plan(self.config, [verb.name for verb in verbs])
        earlier = _read(self.out / SUMMARY).get("runs", {})
        states: dict[str, dict[str, Any]] = {}
        for number, plan in enumerate(planned, 1):
            print(f"[{number}/{len(planned)}] {plan.name}", flush=True)
            states[plan.name] = self._one(plan, verbs, earlier.get(plan.name, {}))
            known = {**earlier, **states}
            write_json(self.out / SUMMARY, {"config": str(self.config), "runs": known})
        write_report(self.out, planned, states)
        failed = [name for name, state in states.items() if state["state"] != "complete"]
        for name in failed:
            print(f"failed: {name}; see the messages above", file=sys.stderr)
        print(f"report: {self.out / REPORT}")
        return 1 if failed else 0

    def _one(
        self, plan: Planned, verbs: Sequence[Verb], earlier: Mapping[str, Any]
    ) -> dict[str, Any]:
        arguments = plan.arguments(self.out)
        same = earlier.get("state") == "complete" and earlier.get("arguments") == arguments
        if same and not self.again and (self.out / plan.name / RESULTS).is_file():
            print("complete already")
            return dict(earlier)
        start = time.perf_counter()
        try:
            status = run_verbs("vos-bench", "", verbs, arguments)
        except Exception:  # whatever it is, it is this run's alone
            traceback.print_exc()
            status = 1
        if status in {130, 143}:
            raise KeyboardInterrupt
        return {
            "state": "failed" if status else "complete",
            "status": status,
            "arguments": arguments,
            "seconds": round(time.perf_counter() - start, 1),
        }


def read_plan(path: Path, verbs: Sequence[str]) -> list[Planned]:
    """Read the file of runs.

    Raises:
        InputError: it is no JSON of this form, names an unknown verb, or two runs alike.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(held, dict) or not isinstance(held.get("runs"), list) or not held["runs"]:
        raise InputError(f'{path}: expected {{"common": {{...}}, "runs": [{{"verb": ...}}, ...]}}')
    if strange := sorted(set(held) - {"common", "runs"}):
        raise InputError(f"{path}: {strange[0]!r} is not known; expected common and runs")
    planned: dict[str, Planned] = {}
    for number, entry in enumerate(held["runs"], 1):
        if not isinstance(entry, dict) or entry.get("verb") not in verbs:
            known = ", ".join(verbs)
            raise InputError(f"{path}, run {number}: expected a verb of these: {known}")
        options = {**held.get("common", {}), **entry}
        verb = options.pop("verb")
        name = str(options.pop("name", verb))
        if name in planned or not re.fullmatch(r"[\w][\w .+-]*", name):
            raise InputError(
                f"{path}, run {number}: the name {name!r} is taken or no name of a folder; give "
                'each run a "name" of letters, digits, spaces and - + . _'
            )
        if "out" in options:
            raise InputError(f"{path}, run {number}: leave out; each run has a folder of its own")
        planned[name] = Planned(name, verb, options)
    return list(planned.values())


def write_report(
    out: Path, planned: Sequence[Planned], states: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write one page of all runs: each one's figures beside the published ones, and how it ran."""
    done = sum(state["state"] == "complete" for state in states.values())
    parts = [html.heading("Benchmarks", f"{done} of {len(planned)} runs complete")]
    for plan in planned:
        folder = out / plan.name
        state = states[plan.name]
        shown = _section(folder, state) if state["state"] == "complete" else [
            html.paragraph(f"This run failed with status {state['status']}.", "note")
        ]  # fmt: skip
        command = {"command": shlex.join(["vos-bench", *state["arguments"]])}
        parts.append(html.section(plan.name, *shown, html.settings_table(command)))
    html.write_page(out / REPORT, "Benchmarks", parts)


def _section(folder: Path, state: Mapping[str, Any]) -> list[str]:
    results, run = _read(folder / RESULTS), _read(folder / RUN)
    parts = []
    published = results.get("published")
    if published is not None:
        said = f"{published['label']}, published: {published['title']}. This run: "
        parts.append(html.paragraph(said + f"{results['data']}.", "faint"))
        rows = [(row["name"], row["figures"]) for row in results["rows"]]
        rows += [(name, figures) for name, figures in published["rows"]]
        texts = [[name, *("" if f is None else f"{f:.1f}" for f in figures)]
                 for name, figures in rows]  # fmt: skip
        parts.append(html.table(["", *published["columns"]], texts, range(len(results["rows"]))))
    elif "global" in results:
        figures = {name: f"{100 * value:.1f}" for name, value in results["global"].items()}
        parts.append(html.tiles(figures))
    if (folder / REPORT).is_file():
        link = f"{quote(folder.name)}/{REPORT}"
        parts.append(f'<p><a href="{link}">The whole report of this run</a></p>')
    machines = [m.get("device") for m in run.get("machines", []) if isinstance(m, dict)]
    told = {"seconds": state["seconds"], "machines": machines, "revision": run.get("revision")}
    return [*parts, html.settings_table(told)]


def _read(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        held = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(held, dict):
            return held
    return {}
