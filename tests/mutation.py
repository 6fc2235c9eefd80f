"""Random small mistakes in the code under test: what can be changed in a line, and how a process imports it changed.

A mutant is one change of one node of a module's syntax tree: an operator, a comparison, a constant (by 1 % or by one),
a dropped factor or term, swapped arguments, max for min, a loop that ends after its first round, a statement left out.
"""

import ast
import atexit
import copy
import difflib
import importlib.abc
import importlib.util
import json
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import theorylab

LIBRARY = pathlib.Path(theorylab.__file__).parent
# What the notebooks put to the test. The judge, the runner and the pictures have tests of their own.
ROOMS = ("studies", "spectral", "methods", "problems", "optimizers")
VARIABLE = "THEORYLAB_MUTANT"

ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip
EXTREMES = {"max": "min", "amax": "amin", "maximum": "minimum", "argmax": "argmin", "clamp_min": "clamp_max"}
EXTREMES |= {other: one for one, other in EXTREMES.items()}


@dataclass(frozen=True)
class Mutant:
    """A change of a module: its dotted name, the ``line``, and the ``number`` of the change among all of the module."""

    module: str
    line: int
    number: int
    what: str


def path_of(module: str) -> pathlib.Path:
    """The file of a module of this library."""
    base = LIBRARY.joinpath(*module.split(".")[1:])
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def modules() -> list[str]:
    """The modules that can be mutated."""
    found = [path for room in ROOMS for path in sorted((LIBRARY / room).rglob("*.py"))]
    names = [path.relative_to(LIBRARY.parent).with_suffix("").parts for path in found]
    return [".".join(parts) for parts in names if parts[-1] != "__init__"]


def mutants(module: str) -> list[Mutant]:
    """Every change that can be made in the module, in the order of its syntax tree."""
    tree = ast.parse(path_of(module).read_text(encoding="utf-8"))
    return [Mutant(module, line, number, what) for number, (line, what, _) in enumerate(changes(tree))]


def mutated(mutant: Mutant) -> ast.Module:
    """The syntax tree of the module with the change made."""
    tree = ast.parse(path_of(mutant.module).read_text(encoding="utf-8"))
    for number, (_, _, make) in enumerate(changes(tree)):
        if number == mutant.number:
            make()
            return ast.fix_missing_locations(tree)
    raise LookupError(f"{mutant.module} has no change number {mutant.number}; the file changed since it was sampled")


def diff(mutant: Mutant) -> str:
    """The changed lines, before and after, as the syntax tree prints them."""
    before = ast.unparse(ast.parse(path_of(mutant.module).read_text(encoding="utf-8"))).splitlines()
    after = ast.unparse(mutated(mutant)).splitlines()
    lines = difflib.unified_diff(before, after, lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def changes(tree: ast.Module) -> Iterator[tuple[int, str, Callable[[], None]]]:
    """(line, description, function that makes the change) for all changes of the tree."""
    for parent, field, position, node in list(nodes(tree)):
        for what, replacement in replacements(node):
            yield node.lineno, what, setter(parent, field, position, replacement)


def setter(parent: ast.AST, field: str, position: int | None, new: ast.AST) -> Callable[[], None]:
    """A function that puts ``new`` where a node stands."""

    def put() -> None:
        if position is None:
            setattr(parent, field, new)
        else:
            getattr(parent, field)[position] = new

    return put


def nodes(tree: ast.AST) -> Iterator[tuple[ast.AST, str, int | None, ast.AST]]:
    """(parent, field, position in the field or None, node), without annotations, messages and docstrings."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            continue
        for position, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or isinstance(
                node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom
            ):
                continue
            if isinstance(node, ast.expr | ast.stmt):
                yield tree, field, position, node
            yield from nodes(node)


def replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in place of this node, with a description."""
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        other = copy.copy(node)
        other.op = ARITHMETIC[type(node.op)]()
        yield "operator", other
        kind = "term" if isinstance(node.op, ast.Add | ast.Sub) else "factor"
        yield f"{kind} dropped", node.left
        if isinstance(node.op, ast.Add | ast.Mult):
            yield f"{kind} dropped", node.right
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        for new in COMPARISONS[type(node.ops[0])]:
            other = copy.copy(node)
            other.ops = [new()]
            yield "comparison", other
    elif isinstance(node, ast.Constant) and type(node.value) is float and node.value:
        yield "constant by 1 %", ast.copy_location(ast.Constant(node.value * 1.01), node)
    elif isinstance(node, ast.Constant) and type(node.value) is int:
        yield "constant by one", ast.copy_location(ast.Constant(node.value + 1), node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "sign dropped", node.operand
    elif isinstance(node, ast.Call):
        if len(node.args) > 1 and not any(isinstance(each, ast.Starred) for each in node.args[:2]):
            other = copy.copy(node)
            other.args = [node.args[1], node.args[0], *node.args[2:]]
            yield "arguments swapped", other
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
        if name in EXTREMES:
            other = copy.copy(node)
            other.func = copy.copy(node.func)
            setattr(other.func, "attr" if isinstance(node.func, ast.Attribute) else "id", EXTREMES[name])
            yield f"{EXTREMES[name]} for {name}", other
    elif isinstance(node, ast.For | ast.While):
        other = copy.copy(node)
        other.body = [*node.body, ast.copy_location(ast.Break(), node)]
        yield "early end of a loop", other
    elif isinstance(node, ast.AugAssign):
        yield "statement dropped", ast.copy_location(ast.Pass(), node)
    elif isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], ast.Return):
        other = copy.copy(node)
        other.test = ast.copy_location(ast.Constant(True), node)
        yield "early return", other


class Importer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module with its change made, all others as they are."""

    def __init__(self, mutant: Mutant):
        self.mutant = mutant

    def find_spec(self, name, path=None, target=None):
        if name != self.mutant.module:
            return None
        return importlib.util.spec_from_file_location(name, path_of(name), loader=self)

    def exec_module(self, module) -> None:
        exec(compile(mutated(self.mutant), path_of(self.mutant.module), "exec"), module.__dict__)


def install(mutant: Mutant) -> None:
    """Let this process see the change: all modules under test are imported anew when they are asked for next."""
    for name in list(sys.modules):
        if name.startswith(tuple(f"theorylab.{room}" for room in ROOMS)):
            del sys.modules[name]
    for room in ROOMS:
        vars(theorylab).pop(room, None)
    # numba recognises its cached code by the file, which has not changed; it reads the variable when it is imported.
    folder = tempfile.mkdtemp(prefix="theorylab-numba-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = folder
    sys.meta_path.insert(0, Importer(mutant))


def pytest_configure(config) -> None:
    """``pytest -p tests.mutation`` with the mutant in the environment: the unit tests see the change."""
    if VARIABLE in os.environ:
        install(Mutant(**json.loads(os.environ[VARIABLE])))


def environment(mutant: Mutant) -> dict[str, str]:
    """The environment variable by which ``pytest -p tests.mutation`` is told of the mutant."""
    return {VARIABLE: json.dumps(asdict(mutant))}
