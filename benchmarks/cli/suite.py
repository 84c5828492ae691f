"""`vos-bench all`: several benchmarks from one file, and one report of them."""

from __future__ import annotations

import json
import re
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.cli.suite_report import REPORT, read_object, write_report
from benchmarks.reporting.run_files import RESULTS
from vos.cli.verbs import Verb, run_verbs
from vos.errors import InputError
from vos.files import write_json
from vos.runtime.folder_lock import working_folder

SUMMARY = "suite.json"
_OTHERS = ("all", "slurm")


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
        words = [self.verb, "--out", str(out / self.name)]
        for name, value in self.options.items():
            flag = name.replace("_", "-")
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            elif isinstance(value, list):
                words += [f"--{flag}", *(str(item) for item in value)]
            else:
                words += [f"--{flag}", str(value)]
        return words


@dataclass(frozen=True)
class Suite:
    """Run the benchmarks that a file lists, and write one report of them.

    The file is JSON: {"common": {option: value, ...}, "runs": [{"verb": "knn", "name": "...",
    option: value, ...}, ...]}. Options are those of the verbs, without dashes; true and false
    switch, lists give several values; those of "common" hold for every run. A run that is complete
    with the same options is not run again; one that fails does not end the others.

    Example: vos-bench all --config runs.json -o runs/all
    """

    config: Path
    """The file."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder with a folder a run, report.html, table.md (all runs in one table) and suite.json."""
    again: bool = False
    """Run complete ones again."""

    def run(self) -> int:
        """Run everything, write the report, and return 1 if a run failed."""
        from benchmarks.cli import VERBS

        verbs = [verb for verb in VERBS if verb.name not in _OTHERS]
        planned = read_plan(self.config, [verb.name for verb in verbs])
        with working_folder(self.out):
            return self._run(planned, verbs)

    def _run(self, planned: Sequence[Planned], verbs: Sequence[Verb]) -> int:
        earlier = read_object(self.out / SUMMARY).get("runs", {})
        states: dict[str, dict[str, Any]] = {}
        for number, plan in enumerate(planned, 1):
            print(f"[{number}/{len(planned)}] {plan.name}", flush=True)
            states[plan.name] = self._one(plan, verbs, earlier.get(plan.name, {}))
            known = {**earlier, **states}
            write_json(self.out / SUMMARY, {"config": str(self.config), "runs": known})
        write_report(self.out, [plan.name for plan in planned], states)
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
        plan = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(plan, dict) or not isinstance(plan.get("runs"), list) or not plan["runs"]:
        raise InputError(f'{path}: expected {{"common": {{...}}, "runs": [{{"verb": ...}}, ...]}}')
    if strange := sorted(set(plan) - {"common", "runs"}):
        raise InputError(f"{path}: {strange[0]!r} is not known; expected common and runs")
    planned: dict[str, Planned] = {}
    for number, entry in enumerate(plan["runs"], 1):
        if not isinstance(entry, dict) or entry.get("verb") not in verbs:
            known = ", ".join(verbs)
            raise InputError(f"{path}, run {number}: expected a verb of these: {known}")
        options = {**plan.get("common", {}), **entry}
        verb = options.pop("verb")
        name = str(options.pop("name", verb))
        if name in planned or not re.fullmatch(r"[\w][\w .+-]*", name):
            raise InputError(
                f"{path}, run {number}: the name {name!r} is taken or no name of a folder; give "
                'each run a "name" of letters, digits, spaces and - + . _'
            )
        if "out" in options:
            raise InputError(
                f'{path}, run {number}: leave out "out"; each run has a folder of its own'
            )
        planned[name] = Planned(name, verb, options)
    return list(planned.values())
