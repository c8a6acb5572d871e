"""A seed replays a run only if nothing depends on addresses: no iteration over sets, no order by `id()`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("keycabinet", "vehicle", "lifecycle", "simulator", "api")
ORDERLESS = ("set", "frozenset")
SET_RESULTS = ("union", "intersection", "difference", "symmetric_difference")
ORDERING = ("sorted", "min", "max", "heappush", "insort")
UNORDERED_USES = ("sorted", "len", "set", "frozenset", "any", "all", "sum", "min", "max", "bool")
"""What may be done with a set: its result does not depend on the order of its members."""


class Finder(ast.NodeVisitor):
    """Collects lines that iterate over a set, or order by an address."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []
        self._sets: list[dict[str, None]] = [{}]

    def _is_set(self, node: ast.AST) -> bool:
        match node:
            case ast.Set() | ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id=name)) if name in ORDERLESS:
                return True
            case ast.Call(func=ast.Attribute(attr=name)) if name in SET_RESULTS:
                return True
            case ast.Call(func=ast.Attribute(attr="all_tasks")):
                return True
            case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
                return self._is_set(left) or self._is_set(right)
            case ast.Name(id=name):
                return any(name in names for names in self._sets)
            case ast.Attribute(attr=name):
                return any(f".{name}" in names for names in self._sets)
        return False

    def _names(self, target: ast.AST) -> Iterator[str]:
        if isinstance(target, ast.Name):
            yield target.id
        elif isinstance(target, ast.Attribute):
            yield f".{target.attr}"

    def visit_Assign(self, node: ast.Assign) -> None:
        if self._is_set(node.value):
            for target in node.targets:
                self._sets[-1].update(dict.fromkeys(self._names(target)))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        text = ast.unparse(node.annotation)
        if text.startswith(("set[", "frozenset[", "AbstractSet[")) or (
            node.value and self._is_set(node.value)
        ):
            self._sets[0].update(dict.fromkeys(self._names(node.target)))
        self.generic_visit(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = [*node.args.args, *node.args.kwonlyargs]
        own = [
            each.arg
            for each in arguments
            if each.annotation and ast.unparse(each.annotation).startswith(("set[", "frozenset["))
        ]
        self._sets.append(dict.fromkeys(own))
        self.generic_visit(node)
        self._sets.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def _iterates(self, node: ast.AST, over: ast.AST) -> None:
        if self._is_set(over):
            line = getattr(over, "lineno", getattr(node, "lineno", 0))
            self.found.append((line, f"iterates over a set: {ast.unparse(over)}"))

    def visit_For(self, node: ast.For) -> None:
        self._iterates(node, node.iter)
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        self._iterates(node, node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name in (
            "list",
            "tuple",
            "iter",
            "next",
            "enumerate",
            "join",
            "extend",
            "fromkeys",
            "deque",
            "map",
            "zip",
        ):
            for argument in node.args:
                self._iterates(node, argument)
        if name in ORDERING and any(self._by_address(each) for each in [*node.args, *node.keywords]):
            self.found.append((node.lineno, f"orders by id(): {ast.unparse(node)}"))
        if name == "sort" and any(self._by_address(each) for each in node.keywords):
            self.found.append((node.lineno, f"orders by id(): {ast.unparse(node)}"))
        harmless = isinstance(node.func, ast.Name) and name in UNORDERED_USES
        for argument in node.args:
            if harmless and isinstance(argument, ast.GeneratorExp):
                self.visit(argument.elt)  # any(... for each in a_set) asks for no order
            else:
                self.visit(argument)
        for keyword in node.keywords:
            self.visit(keyword)
        self.visit(node.func)

    def _by_address(self, node: ast.AST) -> bool:
        if isinstance(node, ast.keyword) and isinstance(node.value, ast.Name) and node.value.id == "id":
            return True
        return any(
            isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "id"
            for each in ast.walk(node)
        )

    def _comprehension(self, node: ast.ListComp | ast.DictComp | ast.GeneratorExp) -> None:
        for each in node.generators:
            self._iterates(node, each.iter)
        self.generic_visit(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)


def found_in(text: str) -> list[str]:
    finder = Finder()
    finder.visit(ast.parse(text))
    return [f"{line}: {what}" for line, what in finder.found]


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_depends_on_addresses(package: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT)}:{what}"
        for file in sorted((ROOT / package).rglob("*.py"))
        for what in found_in(file.read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "for each in {1, 2}: pass",
        "x = set(y)\nfor each in x: pass",
        "x = [each for each in set(y)]",
        "x = list({each for each in y})",
        "def f(x: set[int]) -> None:\n    for each in x: pass",
        "class A:\n    def f(self):\n        self.x: set[int] = set()\n        return [*self.x]",
        "x = ', '.join({1, 2})",
        "for each in set(x) | set(y): pass",
        "for task in asyncio.all_tasks(): pass",
        "sorted(x, key=id)",
        "x.sort(key=lambda each: id(each))",
        "heapq.heappush(heap, (1, id(thing)))",
    ],
)
def test_the_lint_can_fail(text: str) -> None:
    assert found_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "x = sorted({1, 2})",
        "x = 1 in {1, 2}",
        "x = len(set(y))",
        "x = any(each for each in {1, 2})",
        "for each in dict.fromkeys(x): pass",
        "x = {each for each in y}",
        "x = a | b\nfor each in c: pass",
    ],
)
def test_the_lint_lets_pass_what_has_no_order(text: str) -> None:
    assert not found_in(text)
