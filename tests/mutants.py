"""How sensitive the verdicts are: random mutants of the lines that a notebook executes.

``python -m tests.mutants NN --count 40 --seed 7 [--unit] [--json FILE]``

First the notebook runs once as it is, with a tracer that notes which lines each section executes. Then ``count``
mutants of those lines are drawn with ``seed``, before anyone looks at them, and for each the sections concerned run in
a fork until the first event a reader would notice. Printed are: killed by a verdict, killed by an exception or the
time limit, survived, with the survivors' diffs; with ``--unit`` the unit tests are run on the survivors.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from dataclasses import asdict

import coverage

from tests import mutation
from tests.mutation import Mutant
from tests.sections import MATH_THREADS, ROOT, UNWATCHED, Found, execute, forks, import_once, read, sections
from theorylab.laboratory.checkout import select
from theorylab.session import home

PATIENCE = 60  # seconds beyond four times the sound run


def chosen_cells(stem: str) -> list[list[str]]:
    return sections(read(stem), UNWATCHED, preset="quick", seed=0)


def sound(stem: str) -> tuple[Found, dict[str, dict[int, set[int]]], list[float]]:
    """The sound run: what it found, for each module and line the sections that execute it, the seconds by section."""
    tracer = coverage.Coverage(data_file=None, source_pkgs=["theorylab"], config_file=False)
    begun = []
    tracer.start()
    # Imported under the tracer, so that lines of definitions are known too; they belong to the set-up.
    mutation.install(Mutant("none", 0, 0, ""))

    def before(number: int) -> None:
        tracer.switch_context(str(number))
        begun.append(time.monotonic())

    found = execute(chosen_cells(stem), before=before)
    tracer.stop()
    begun.append(time.monotonic())
    lines: dict[str, dict[int, set[int]]] = {}
    data = tracer.get_data()
    for module in mutation.modules():
        contexts = data.contexts_by_lineno(str(mutation.path_of(module)))
        lines[module] = {line: {int(name) for name in names if name} for line, names in contexts.items()}
    return found, lines, [end - start for start, end in itertools.pairwise(begun)]


def compiled_lines(module: str) -> set[int]:
    """Lines of functions that numba compiles, which no tracer sees."""
    import ast

    found: set[int] = set()
    for node in ast.walk(ast.parse(mutation.path_of(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and any("jit" in ast.unparse(each) for each in node.decorator_list):
            found |= set(range(node.lineno, node.end_lineno + 1))
    return found


def candidates(lines: dict[str, dict[int, set[int]]]) -> list[tuple[Mutant, set[int]]]:
    """All mutants of executed lines, each with the sections that execute it (empty: all of them)."""
    found = []
    for module, executed in lines.items():
        if not executed:
            continue
        compiled = compiled_lines(module)
        for mutant in mutation.mutants(module):
            if mutant.line in compiled:
                found.append((mutant, set()))
            elif mutant.line in executed:
                numbers = executed[mutant.line]
                found.append((mutant, set() if 0 in numbers else numbers))
    return found


def run(job: tuple[str, Mutant, list[int], dict[str, str]]) -> str | None:
    """The first event that the mutant causes in the sections concerned; None when it survives."""
    stem, mutant, numbers, expected = job
    mutation.install(mutant)
    cells = chosen_cells(stem)
    return execute([cells[0], *(cells[number] for number in numbers)], expected=expected).first


def watched(job, limit: float, queue) -> None:
    os.environ.update(dict.fromkeys(MATH_THREADS, "1"))
    queue.put(run(job))


def first_events(jobs: list, limits: list[float], workers: int) -> list[str | None]:
    """``run`` for every job in a fork of its own, ended after its time limit."""
    context = multiprocessing.get_context("fork")
    events: list[str | None] = [None] * len(jobs)
    waiting, running = list(range(len(jobs))), {}
    while waiting or running:
        while waiting and len(running) < workers:
            number = waiting.pop(0)
            queue = context.SimpleQueue()
            process = context.Process(target=watched, args=(jobs[number], limits[number], queue))
            process.start()
            running[number] = (process, queue, time.monotonic())
        time.sleep(0.05)
        for number, (process, queue, start) in list(running.items()):
            late = time.monotonic() - start > limits[number]
            if process.is_alive() and not late:
                continue
            if process.is_alive():
                process.kill()
                events[number] = "time limit"
            else:
                events[number] = queue.get() if not queue.empty() else "killed: the process died"
            process.join()
            del running[number]
            print(f"  {number + 1}/{len(jobs)} {describe(jobs[number][1])}: {events[number] or 'SURVIVED'}", flush=True)
    return events


def describe(mutant: Mutant) -> str:
    return f"{mutant.module.removeprefix('theorylab.')}:{mutant.line} {mutant.what}"


def tests_of(stem: str, mutant: Mutant) -> list[str]:
    """The unit tests that know the module: those of its room."""
    room = mutant.module.split(".")[1]
    own = [f"tests/studies/{stem[3:]}"]
    return own if room == "studies" else [*own, f"tests/{room}"]


def killed_by_unit_tests(stem: str, mutant: Mutant) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "tests.mutation"]
    paths = [path for path in tests_of(stem, mutant) if (ROOT / path).exists()]
    env = {**os.environ, **mutation.environment(mutant), **dict.fromkeys(MATH_THREADS, "1")}
    return subprocess.run([*command, *paths], cwd=ROOT, capture_output=True, env=env).returncode == 1


def sample(stem: str, count: int, seed: int) -> tuple[list[tuple[Mutant, list[int]]], Found, list[float]]:
    """The mutants to look at, each with its sections; the sound run and its seconds by section."""
    found, lines, seconds = sound(stem)
    everything = list(range(1, len(seconds)))
    drawn = random.Random(f"{stem} {seed}").sample(candidates(lines), count)
    return [(mutant, sorted(numbers) or everything) for mutant, numbers in drawn], found, seconds


def sample_in_fork(job: tuple[str, int, int]):
    return sample(*job)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", metavar="NN")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--unit", action="store_true", help="run the unit tests on the survivors")
    parser.add_argument("--json", help="write all mutants and events to this file")
    options = parser.parse_args()
    (stem,) = select(home(), [options.notebook])
    import_once(stem)
    with forks(1) as pool:
        (drawn, found, seconds) = pool.apply(sample_in_fork, [(stem, options.count, options.seed)])
    if found.errors:
        print(f"{stem} does not run as it is: {found.errors[0]}", file=sys.stderr)
        return 1
    print(f"{stem}: {len(drawn)} mutants, sound run {sum(seconds):.0f} s", flush=True)
    jobs = [(stem, mutant, numbers, found.outcomes) for mutant, numbers in drawn]
    limits = [PATIENCE + 4 * (seconds[0] + sum(seconds[number] for number in numbers)) for _, numbers in drawn]
    events = first_events(jobs, limits, options.workers)
    survivors = [mutant for (mutant, _), event in zip(drawn, events) if event is None]
    unit = {mutant: killed_by_unit_tests(stem, mutant) for mutant in survivors} if options.unit else {}
    by_verdict = sum(event is not None and event.startswith("verdict") for event in events)
    print(
        f"{stem}: {by_verdict} killed by a verdict, {len(drawn) - by_verdict - len(survivors)} by an exception or the "
        f"time limit, {len(survivors)} survived"
        + (f", {sum(unit.values())} of them noticed by unit tests" if unit else "")
    )
    for mutant in survivors:
        noticed = " (noticed by unit tests)" if unit.get(mutant) else ""
        print(f"\n{describe(mutant)}{noticed}\n{mutation.diff(mutant)}")
    if options.json:
        rows = [
            {**asdict(mutant), "event": event, "unit": unit.get(mutant), "diff": mutation.diff(mutant)}
            for (mutant, _), event in zip(drawn, events)
        ]
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
