"""A batch: execute notebooks, publish each with its figures and verdicts, say what was found."""

import contextlib
import pathlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from theorylab.claims import catalogue, ledger, report
from theorylab.experiment import freshness, notebook, publish, schedule
from theorylab.experiment.execution import Outcome
from theorylab.laboratory import log, verdicts
from theorylab.laboratory.checkout import claims_path, make_folder, notebook_path, stems
from theorylab.laboratory.interrupts import ends_by_interrupt, undisturbed
from theorylab.laboratory.log import tell
from theorylab.laboratory.progress import Progress, duration, known_seconds, remember

GOOD, FAILED, UNEXPECTED, INTERRUPTED = 0, 1, 3, 130


@dataclass(frozen=True)
class Run:
    """What is asked for: the checkout ``root``, the notebooks' parameters, and where they are executed."""

    root: pathlib.Path
    preset: str = "quick"
    seed: int = 0
    device: str = "auto"
    workers: int = 1
    address: str | None = None

    @property
    def parameters(self) -> dict:
        return {"preset": self.preset, "seed": self.seed, "device": self.device}

    @property
    def publishes(self) -> bool:
        """Whether this run makes the record; every other one is a rehearsal."""
        return (self.preset, self.seed, self.device) == ("full", 0, "cpu")

    @property
    def build(self) -> pathlib.Path:
        return self.root / "build" / self.name

    @property
    def target(self) -> pathlib.Path:
        """The folder in which notebooks/, figures/ and ledger/ are written."""
        return self.root if self.publishes else self.build

    @property
    def journal(self) -> pathlib.Path:
        return record_journal(self.root) if self.publishes else self.build / "publishing"

    @property
    def name(self) -> str:
        return f"{self.preset}-{self.seed}-{self.device}"

    @property
    def flags(self) -> str:
        """The options that ask for the same again."""
        place = f" --scheduler {self.address}" if self.address else ""
        if self.publishes:
            return " --full" + place
        usual = {"preset": "quick", "seed": 0, "device": "auto"}
        return "".join(f" --{name} {value}" for name, value in self.parameters.items() if value != usual[name]) + place


@dataclass
class Report:
    """What became of the batch so far."""

    findings: dict[str, list[verdicts.Finding]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[verdicts.Finding]:
        return [finding for found in self.findings.values() for finding in found if finding.complaint]

    @property
    def code(self) -> int:
        if self.failures or self.troubles:
            return FAILED
        return UNEXPECTED if self.complaints else GOOD


def record_journal(root: pathlib.Path) -> pathlib.Path:
    """Where the committed folders are swapped, whoever publishes into them."""
    return root / "build" / "publishing"


class Refused(Exception):
    """A notebook's result cannot be published, or it cannot be run; the message is a clause about it."""


def execute(run: Run, chosen: list[str]) -> int:
    """Execute the notebooks ``chosen``, publish what succeeds, print the verdicts; returns the exit code."""
    if not chosen:
        print("There are no notebooks yet.")
        return GOOD
    try:
        for folder in (run.build, run.root / "build" / "dask"):
            make_folder(folder)
        with log.written_to(make_folder(run.root / "build" / "logs"), run.name) as path:
            if undone := publish.recover(run.target, run.journal):
                print(undone, file=sys.stderr)
            code = execute_logged(run, chosen)
            print(f"Log: {path.relative_to(run.root)}", file=sys.stderr)
            return code
    except publish.PublishError as error:
        print(f"No notebook ran: {error}.")
        return FAILED


def execute_logged(run: Run, chosen: list[str]) -> int:
    """``execute``, behind what prepares the folders."""
    batch = Report()
    interrupted = False
    jobs, sources = [], {}
    for stem in chosen:
        try:
            sources[stem] = Source.read(run, stem)
            jobs.append(schedule.Job(stem, sources[stem].stripped, run.parameters))
        except Refused as error:
            fail(run, batch, stem, str(error))
            tell(line(stem, batch, len(chosen)))
    expected = known_seconds(run.root, run.preset)
    # The longest first: then none of them is left over at the end with the other workers idle.
    jobs.sort(key=lambda job: -expected.get(job.stem, float("inf")))
    try:
        with ends_by_interrupt() as asked:
            for outcome in outcomes(run, jobs, expected, batch, asked):
                with undisturbed():
                    settle(run, sources[outcome.stem], outcome, batch)
    except KeyboardInterrupt:
        interrupted = True
    except schedule.SchedulerError as error:
        batch.troubles.append(f"{error}.")
    try:
        with undisturbed():
            if run.publishes and batch.findings:
                batch.troubles += write_pages(run)
    except KeyboardInterrupt:
        interrupted = True
    with contextlib.suppress(KeyboardInterrupt), undisturbed():
        conclude(run, batch, chosen, interrupted)
    return INTERRUPTED if interrupted else batch.code


def outcomes(
    run: Run, jobs: list[schedule.Job], expected: dict[str, float], batch: Report, asked: list[int]
) -> Iterator[Outcome]:
    """The outcomes as they come, each followed by its line above the progress bar; ends with KeyboardInterrupt when
    somebody ``asked`` for it."""
    if not jobs:
        return
    workers = min(run.workers, len(jobs)) if run.address is None else run.workers
    progress = Progress([job.stem for job in jobs], expected, workers)
    total = len(jobs) + len(batch.failures)
    scratch = run.root / "build" / "dask"

    def watch(running: list[str]) -> None:
        if asked:
            raise KeyboardInterrupt
        progress.watch(running)

    try:
        results = schedule.run(
            jobs, workers=workers, address=run.address, scratch=scratch, watch=watch, say=progress.say
        )
        with contextlib.closing(results):
            for outcome in results:
                yield outcome
                progress.finished(outcome.stem, line(outcome.stem, batch, total))
    finally:
        progress.close()


@dataclass(frozen=True)
class Source:
    """A notebook as it was when the run began: its ``bytes``, and what is to be stored with its outputs."""

    stem: str
    bytes: bytes
    stripped: bytes
    hashes: dict[str, str]
    claims: catalogue.Notebook

    @classmethod
    def read(cls, run: Run, stem: str) -> "Source":
        """Raises Refused for whatever makes running it pointless."""
        try:
            claims = catalogue.read(claims_path(run.root, stem))
            content = notebook_path(run.root, stem).read_bytes()
            document = notebook.read(content)
            notebook.check(document, run.parameters)
            for name in (f"notebooks/{stem}.ipynb", f"figures/{stem}/x", f"ledger/{stem}/x"):
                publish.require_writable(run.target, name)
        except notebook.NotebookError as error:
            raise Refused(str(error)) from None
        except (catalogue.CatalogueError, publish.PublishError) as error:
            raise Refused(f"was not run: {error}") from None
        hashes = freshness.hashes(document, claims_path(run.root, stem))
        return cls(stem, content, notebook.written(notebook.stripped(document)), hashes, claims)


def settle(run: Run, source: Source, outcome: Outcome, batch: Report) -> None:
    """Publish one notebook's result, or record why not."""
    stem = source.stem
    batch.seconds[stem] = outcome.seconds
    if outcome.messages:
        log.logger.info("%s said:\n%s", stem, outcome.messages)
    try:
        if outcome.error:
            raise Refused(f"{outcome.error}{kept(run, outcome)}")
        entries = check_files(run, source, outcome)
        page = notebook.published(notebook.read(source.bytes), notebook.read(outcome.executed), source.hashes)
        with publish.alone(run.journal):
            if run.publishes and Source.read(run, stem).stripped != source.stripped:
                raise Refused("was edited while it ran, so its outputs are not of its source; run it again")
            contents = {**leftovers(run, stem), **outcome.files, f"notebooks/{stem}.ipynb": page}
            publish.replace_files(run.target, contents, run.journal)
    except Refused as error:
        fail(run, batch, stem, str(error))
    except publish.PublishError as error:
        fail(run, batch, stem, f"ran, but was not published: {error}")
    else:
        batch.findings[stem] = verdicts.findings(source.claims, entries)


def kept(run: Run, outcome: Outcome) -> str:
    """Keep the notebook as far as it came, for the user to look at; returns the clause that says where."""
    if not outcome.executed:
        return ""
    path = run.build / "failed" / f"{outcome.stem}.ipynb"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(outcome.executed)
    except OSError:
        return f"; {outcome.remedy}"
    return f"; see {path.relative_to(run.root)} and {outcome.remedy}"


def fail(run: Run, batch: Report, stem: str, clause: str) -> None:
    batch.failures[stem] = f"{stem} {clause}; then run ./run_all.sh{run.flags} {stem}"


def check_files(run: Run, source: Source, outcome: Outcome) -> dict[str, dict]:
    """The ledger entries among the files that a notebook wrote. Raises Refused for files that are not its own."""
    stem = source.stem
    for name in outcome.files:
        if not name.startswith((f"figures/{stem}/", f"ledger/{stem}/")):
            own = f"ledger/{stem}/ and figures/{stem}/"
            raise Refused(f"wrote {name}, but only {own} are its own; mend its `begin(...)`")
    with tempfile.TemporaryDirectory(prefix="theorylab-") as folder:
        for name, content in outcome.files.items():
            if name.startswith("ledger/"):
                (pathlib.Path(folder) / pathlib.PurePosixPath(name).name).write_bytes(content)
        try:
            entries = ledger.read(pathlib.Path(folder))
        except ledger.LedgerError as error:
            raise Refused(f"wrote a verdict that is none: {error}") from None
    for id, entry in entries.items():
        if entry.get("notebook") != stem or id not in source.claims.claims:
            raise Refused(f"judged {id}, which is not in claims/{stem}.toml; write it there or judge it elsewhere")
        if (entry.get("preset"), entry.get("seed")) != (run.preset, run.seed):
            raise Refused(
                f"judged {id} with preset {entry.get('preset')!r} and seed {entry.get('seed')!r} instead of "
                f"{run.preset!r} and {run.seed}; it must use its parameters"
            )
    return entries


def leftovers(run: Run, stem: str) -> dict[str, None]:
    """The figures and verdicts of earlier runs of this notebook, to be deleted unless they are made again."""
    own = [path for room in ("figures", "ledger") for path in (run.target / room / stem).rglob("*")]
    return dict.fromkeys(path.relative_to(run.target).as_posix() for path in own if path.is_file())


def write_pages(run: Run) -> list[str]:
    """Regenerate ``ledger/README.md`` and the README's block; returns a sentence for each thing that prevents it."""
    try:
        written = catalogue.load(run.root / "claims")
        notebooks = {stem: written[stem] for stem in stems(run.root) if stem in written}
        with publish.alone(run.journal):
            entries = ledger.read(run.root / "ledger")
            pages = {"ledger/README.md": report.ledger_page(notebooks, entries).encode()}
            readme = run.root / "README.md"
            if readme.exists():
                block = report.readme_block(notebooks, entries, run.root / "figures")
                pages["README.md"] = report.with_block(readme.read_text(encoding="utf-8"), block).encode()
            publish.replace_files(run.root, pages, run.journal)
    except (ledger.LedgerError, catalogue.CatalogueError, publish.PublishError, ValueError) as error:
        return [f"The tables in README.md and ledger/README.md were left as they were: {error}."]
    return []


def line(stem: str, batch: Report, total: int) -> str:
    """The line of one finished notebook."""
    number = len(batch.findings) + len(batch.failures)
    if stem in batch.failures:
        return f"[{number}/{total}] FAILED: {batch.failures[stem]}"
    return f"[{number}/{total}] {stem} ({duration(batch.seconds[stem])}): {verdicts.summary(batch.findings[stem])}"


def conclude(run: Run, batch: Report, chosen: list[str], interrupted: bool) -> None:
    """Print the verdicts, then what went wrong, and last what was changed."""
    with contextlib.suppress(OSError):
        remember(run.root, run.preset, {stem: batch.seconds[stem] for stem in batch.findings})
    for stem in chosen:
        if stem in batch.findings:
            tell(f"\n{stem}")
            tell("\n".join(verdicts.lines(batch.findings[stem])))
    tell()
    for sentence in [*(f"FAILED: {text}." for text in batch.failures.values()), *batch.troubles]:
        tell(sentence)
    if batch.complaints:
        ids = ", ".join(f"{finding.claim.id} ({finding.complaint})" for finding in batch.complaints)
        tell(f"Not as expected: {ids}.")
    done = f"{len(batch.findings)} of {len(chosen)} notebooks"
    if interrupted:
        tell(f"Interrupted: {done} had finished and were kept, the files of the others are untouched.")
    elif run.publishes:
        rest = "" if len(batch.findings) == len(chosen) else "; the committed files of the others are untouched"
        tell(f"Published {done} with their figures and verdicts{rest}.")
    else:
        tell(
            f"Results of {done} are in {run.target.relative_to(run.root)}/. Committed figures and verdicts are "
            f"untouched; ./run_all.sh --full regenerates them{full_minutes(run.root)}."
        )


def full_minutes(root: pathlib.Path) -> str:
    known = known_seconds(root, "full")
    present = [known[stem] for stem in stems(root) if stem in known]
    if not present:
        return " (a few minutes per notebook)"
    return f" (about {max(1, round(sum(present) / 60))} min on one core)"
