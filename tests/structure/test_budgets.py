"""The budgets of ARCHITECTURE.md: sizes, imports, the weight of the tests."""

import ast
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ("api", "telephony", "db")
MODULE_LINES_MEDIAN_MAX = 100
MODULE_LINES_MAX = 300
FUNCTION_LINES_MEDIAN_MAX = 8
FUNCTION_LINES_MAX = 40
TESTS_PER_SOURCE_MIN = 1.3

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> dict[Path, str]:
    """Tracked or new Python files below the folders, but for migrations: those are generated."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    paths = [ROOT / name for name in listed if name.endswith(".py")]
    return {
        path.relative_to(ROOT): path.read_text()
        for path in paths
        if path.exists() and "migrations/versions" not in str(path)
    }


def functions(source: dict[Path, str]) -> Iterator[tuple[str, Function]]:
    """Every function with its place."""
    for path, text in source.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Function):
                yield f"{path}:{node.lineno} {node.name}", node


def length(function: Function) -> int:
    """Lines from `def` to the end."""
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_modules_are_short() -> None:
    lines = {path: text.count("\n") for path, text in modules(*SOURCE).items()}
    lines = {path: count for path, count in lines.items() if count}
    assert statistics.median(lines.values()) <= MODULE_LINES_MEDIAN_MAX
    assert {path: count for path, count in lines.items() if count > MODULE_LINES_MAX} == {}


def test_functions_are_short() -> None:
    lengths = {place: length(node) for place, node in functions(modules(*SOURCE))}
    assert statistics.median(lengths.values()) <= FUNCTION_LINES_MEDIAN_MAX
    assert {place: count for place, count in lengths.items() if count > FUNCTION_LINES_MAX} == {}


def test_test_modules_are_short() -> None:
    lines = {path: text.count("\n") for path, text in modules("tests").items()}
    assert {path: count for path, count in lines.items() if count > MODULE_LINES_MAX} == {}


def test_nothing_is_imported_inside_a_function() -> None:
    hidden = [
        place
        for place, node in functions(modules(*SOURCE, "tests"))
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_public_functions_say_what_they_do() -> None:
    silent = [
        place
        for path, text in modules(*SOURCE).items()
        for place, node in functions({path: text})
        if not node.name.startswith("_")
        and node in ast.parse(text).body
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_there_are_more_tests_than_source() -> None:
    source = sum(text.count("\n") for text in modules(*SOURCE).values())
    tests = sum(text.count("\n") for text in modules("tests").values())
    assert tests >= TESTS_PER_SOURCE_MIN * source, f"{tests} lines of tests for {source}"
