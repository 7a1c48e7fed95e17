"""Which way imports point: mstrp → fsm → protocol, in no circle, and third-party packages only where they belong."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: From the bottom to the top: each may import itself and what is below it.
LAYERS = ("protocol", "fsm", "mstrp")
#: What a layer may import besides the standard library. The lower two run wherever Python does.
ALLOWED = {
    "protocol": set[str](),
    # The second only tells the compiler something, where it is there.
    "fsm": {"transitions", "mypy_extensions"},
}
#: The one module below the program that needs another package, for RC4, MD4 and DES; loaded only to unseal.
LATE = {"protocol.rpc.sealing": {"Cryptodome"}}
#: Not in this project: its licence, or an engine of somebody else's machines.
NOWHERE = {"scapy"}


def name_of(path: Path) -> str:
    """The dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))}


def imports(name: str, *, late: bool) -> Iterator[str]:
    """The modules that a module imports when it runs; ``late`` includes those that its functions import."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    yield from _in(tree.body, name, late=late)


def _in(body: list[ast.stmt], name: str, *, late: bool) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: relative imports hide the direction"
            assert node.module
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _in(node.orelse, name, late=late)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if late:
                yield from _in(node.body, name, late=late)
        else:
            for part in ("body", "orelse", "finalbody", "handlers"):
                below = getattr(node, part, [])
                yield from _in([each for each in below if isinstance(each, ast.AST)], name, late=late)  # type: ignore[misc]


def layer_of(name: str) -> str:
    """The folder that a module belongs to."""
    return name.partition(".")[0]


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_down(layer: str) -> None:
    """No module imports one of a layer above its own, not even inside a function."""
    above = LAYERS[LAYERS.index(layer) + 1 :]
    wrong = [
        f"{name} imports {target}"
        for name in MODULES
        if layer_of(name) == layer
        for target in imports(name, late=True)
        if layer_of(target) in above
    ]
    assert not wrong


def test_imports_go_in_no_circle() -> None:
    """The modules can be put into an order in which each imports only earlier ones."""
    graph = {
        name: {target for target in imports(name, late=False) if target in MODULES and target != name}
        for name in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


#: From the bottom to the top, inside `fsm`: each may import itself and what is below it.
PARTS = ("fsm.engine", "fsm.tables", "fsm.rules", "fsm.state", "fsm.judge", "fsm.conversation", "fsm.monitor", "fsm")
#: Beside them: the pictures of any table, and the products of ours.
BESIDE = {"fsm.diagram": ("fsm.engine",), "fsm.session_model": ("fsm.engine", "fsm.tables")}


def part_of(name: str) -> str:
    """The part of `fsm` that a module belongs to; the package itself is the top."""
    return next((part for part in (*PARTS[:-1], *BESIDE) if name == part or name.startswith(f"{part}.")), "fsm")


@pytest.mark.parametrize("name", [name for name in MODULES if layer_of(name) == "fsm"])
def test_parts_of_fsm_import_downwards(name: str) -> None:
    """No module of `fsm` imports one of a part above its own, not even inside a function; the engine knows no protocol."""
    part = part_of(name)
    if part in BESIDE:
        allowed: tuple[str, ...] = (part, *BESIDE[part])
    else:
        allowed = (*PARTS[: PARTS.index(part) + 1], *(BESIDE if part == "fsm" else ()))
    used = {part_of(target) for target in imports(name, late=True) if layer_of(target) == "fsm"}
    assert used <= set(allowed)
    if part == "fsm.engine":
        assert not any(layer_of(target) == "protocol" for target in imports(name, late=True))


def test_no_cycle_of_late_imports_in_fsm() -> None:
    """The modules of `fsm` import each other in no circle, imports inside functions included."""
    inside = {name for name in MODULES if layer_of(name) == "fsm"}
    TopologicalSorter({name: set(imports(name, late=True)) & inside - {name} for name in inside}).prepare()


def changes_states(path: Path) -> Iterator[int]:
    """The lines of a module that assign ``mask`` or ``flags`` of an instance outside its construction."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    building = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = [each for target in node.targets for each in getattr(target, "elts", [target])]
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets = [node.target]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "object.__setattr__"):
            yield node.lineno
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr in ("mask", "flags") and id(node) not in building:
                yield node.lineno


def test_only_the_engine_changes_states() -> None:
    """`enter` and `believe` assign the states and bits of an instance; no other code does outside construction."""
    found = {
        f"{name}:{line}"
        for name, path in MODULES.items()
        if layer_of(name) == "fsm" and name != "fsm.engine.machine"
        for line in changes_states(path)
    }
    assert found == set()
    tree = ast.parse(MODULES["fsm.engine.machine"].read_text(encoding="utf-8"))
    changing = {
        function.name
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name != "__init__"
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "instance.mask" for target in node.targets)
    }
    assert changing == {"enter", "believe"}


@pytest.mark.parametrize("layer", ALLOWED)
def test_the_engine_needs_the_standard_library_only(layer: str) -> None:
    """The wire loads with no other package at all, the machines with none but transitions."""
    foreign = {
        f"{name} imports {target}"
        for name in MODULES
        if layer_of(name) == layer
        for target in imports(name, late=False)
        if layer_of(target) not in {*sys.stdlib_module_names, *LAYERS, *ALLOWED[layer], *LATE.get(name, ())}
    }
    assert not foreign
    assert not [name for name in MODULES for target in imports(name, late=False) if target in LATE]


def test_checking_a_capture_loads_no_other_package() -> None:
    """Whoever only wants a verdict waits for nothing but the standard library."""
    program = (
        "import sys; from mstrp.cli import main; main(['check', '--format', 'json', 'samples/blind-transfer.pcapng']);"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stderr.split()) <= {*sys.stdlib_module_names, *LAYERS, "__main__", "mstrp__mypyc"}


def test_some_packages_are_imported_nowhere() -> None:
    """The product has nothing of the packages that only tests may use."""
    used = {layer_of(target) for name in MODULES for target in imports(name, late=True)}
    assert not used & NOWHERE


def test_modules_of_tests_have_names_of_their_own() -> None:
    """The folders of tests are no packages: two modules of one name would hide each other."""
    names = [place.name for place in (ROOT / "tests").rglob("*.py") if place.name != "conftest.py"]
    assert sorted(set(names)) == sorted(names)
