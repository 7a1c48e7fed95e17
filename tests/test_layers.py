"""Direction of imports: mstrp → fsm → protocol, without cycles; third-party packages only where allowed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: From bottom to top: each layer may import itself and lower ones.
LAYERS = ("protocol", "fsm", "mstrp")
#: Packages that a layer may import in addition to the standard library.
ALLOWED = {
    "protocol": set[str](),
    # The second only contains declarations for the compiler, and is optional.
    "fsm": {"transitions", "mypy_extensions"},
}
#: The only module below the program with another package, for RC4, MD4 and DES; imported only to decrypt.
LATE = {"protocol.rpc.sealing": {"Cryptodome"}}
#: Not allowed in this project: because of the license, or as an alternative engine.
NOWHERE = {"scapy"}


def name_of(path: Path) -> str:
    """Return the dotted name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))}


def imports(name: str, *, late: bool) -> Iterator[str]:
    """Return the modules that a module imports; ``late`` includes imports inside functions."""
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
    """Return the folder of a module."""
    return name.partition(".")[0]


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_point_down(layer: str) -> None:
    """No module imports a higher layer, including inside functions."""
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
    """The modules can be ordered so that each imports only earlier ones."""
    graph = {
        name: {target for target in imports(name, late=False) if target in MODULES and target != name}
        for name in MODULES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


#: From bottom to top, inside `fsm`: each part may import itself and lower ones.
PARTS = ("fsm.engine", "fsm.tables", "fsm.rules", "fsm.state", "fsm.judge", "fsm.conversation", "fsm.monitor", "fsm")
#: Independent parts: diagrams of any table, and products of the machines.
BESIDE = {"fsm.diagram": ("fsm.engine",), "fsm.session_model": ("fsm.engine", "fsm.tables")}


def part_of(name: str) -> str:
    """Return the part of `fsm` of a module; the package itself is the top."""
    return next((part for part in (*PARTS[:-1], *BESIDE) if name == part or name.startswith(f"{part}.")), "fsm")


@pytest.mark.parametrize("name", [name for name in MODULES if layer_of(name) == "fsm"])
def test_parts_of_fsm_import_downwards(name: str) -> None:
    """No module of `fsm` imports a higher part, including inside functions; the engine does not import the protocol."""
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
    """The modules of `fsm` have no import cycles, including imports inside functions."""
    inside = {name for name in MODULES if layer_of(name) == "fsm"}
    TopologicalSorter({name: set(imports(name, late=True)) & inside - {name} for name in inside}).prepare()


def changes_states(path: Path) -> Iterator[int]:
    """Return the lines of a module that assign ``mask`` or ``flags`` of an instance outside its construction."""
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
    """`protocol` requires no other package, `fsm` none but transitions."""
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
    """Checking a capture imports only the standard library."""
    program = (
        "import sys; from mstrp.cli import main; main(['check', '--format', 'json', 'samples/blind-transfer.pcapng']);"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stderr.split()) <= {*sys.stdlib_module_names, *LAYERS, "__main__", "mstrp__mypyc"}


def test_some_packages_are_imported_nowhere() -> None:
    """The product imports none of the packages that are for tests only."""
    used = {layer_of(target) for name in MODULES for target in imports(name, late=True)}
    assert not used & NOWHERE


def test_modules_of_tests_have_names_of_their_own() -> None:
    """Modules of tests have distinct names, because their folders are not packages."""
    names = [place.name for place in (ROOT / "tests").rglob("*.py") if place.name != "conftest.py"]
    assert sorted(set(names)) == sorted(names)
