"""The text of a policy function as a compiler of 64-bit numbers can be trusted with it.

Whatever could mean something else there than in Python is refused, and the function then plays on
the core alone. Sums, products and quotients become calls that notice what 64 bits cannot hold.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from types import ModuleType
from typing import Any, Final

from sim_economy.batch.decisions.policy_choices import CHOICES

NAME: Final = "decide"
"""The function's name in its text."""
FLAG: Final = "flag"
"""Its first argument, where arithmetic marks what it cannot do."""

_CHECKED: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "added",
    ast.Sub: "subtracted",
    ast.Mult: "multiplied",
    ast.FloorDiv: "quotient",
    ast.Mod: "remainder",
}
CHECKED: Final = (*_CHECKED.values(), "negated", "magnitude")
"""The arithmetic that a text calls, each with the flag first."""

_PLAIN: Final = (
    ast.arguments, ast.arg, ast.Return, ast.If, ast.IfExp, ast.Pass, ast.Break, ast.Continue,
    ast.Load, ast.Store, ast.Compare, ast.BoolOp, ast.And, ast.Or, ast.Not,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq, ast.keyword,
)  # fmt: skip
_IN_WORDS: Final[Mapping[type[ast.AST], str]] = {
    ast.Div: "/ gives a float; // divides whole numbers",
    ast.Pow: "** is not compiled",
    ast.While: "while is not compiled; for ... in range(...) is",
    ast.Dict: "a dict",
    ast.List: "a list",
    ast.Tuple: "a tuple",
    ast.Set: "a set",
    ast.Subscript: "an item of something",
    ast.Attribute: "an attribute",
    ast.JoinedStr: "a text",
    ast.Lambda: "a function in a function",
    ast.FunctionDef: "a function in a function",
}
_INT64_MAX: Final = 2**63 - 1


def function_text(function: Callable[..., Any], arguments: Sequence[str]) -> str:
    """The function's definition in a form that can be compiled.

    Args:
        arguments: Its own, in the order in which the compiled one takes them, after the flag.

    Raises:
        ValueError: It cannot be; the message says what in it, and where.
    """
    try:
        source = textwrap.dedent(inspect.getsource(function))
        (own,) = ast.parse(source).body
    except (OSError, TypeError, SyntaxError, ValueError):
        raise ValueError("its source cannot be found") from None
    if not isinstance(own, ast.FunctionDef):
        raise ValueError("it is no plain function with def")
    body = [part for part in own.body if not _is_docstring(part)]
    rewritten = _Rewriter(function, arguments).statements(deepcopy(body))
    if _assigned_after(body, frozenset(arguments)) is not None:
        raise ValueError("it may end without return")
    inputs = [ast.arg(name) for name in (FLAG, *map(_own, arguments))]
    empty = ast.arguments([], inputs, None, [], [], None, [])
    text = ast.FunctionDef(name=NAME, args=empty, body=rewritten, decorator_list=[])
    return ast.unparse(ast.fix_missing_locations(text)) + "\n"


def _own(name: str) -> str:
    """A name of the function's own in its text, where it can be no function that is called."""
    return f"_{name}"


def _is_docstring(part: ast.stmt) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)


def _refused(node: ast.AST, problem: str) -> ValueError:
    return ValueError(f"line {getattr(node, 'lineno', 1)} of it: {problem}")


class _Rewriter(ast.NodeTransformer):
    """Rewrites a function's body, and refuses what could mean something else when compiled."""

    def __init__(self, function: Callable[..., Any], arguments: Sequence[str]) -> None:
        nonlocals = inspect.getclosurevars(function).nonlocals
        self._known: Mapping[str, Any] = {**function.__globals__, **nonlocals}
        self._local = {*arguments, *function.__code__.co_varnames}

    def statements(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """A body rewritten."""
        return [self.visit(part) for part in body]

    def visit(self, node: ast.AST) -> Any:
        """One node rewritten."""
        own = getattr(self, f"visit_{type(node).__name__}", None)
        if own is not None:
            return own(node)
        if isinstance(node, _PLAIN):
            return self.generic_visit(node)
        kind = type(node)
        raise _refused(node, _IN_WORDS.get(kind, f"{kind.__name__} is not compiled"))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        """A whole number or truth value; nothing else is compiled."""
        if isinstance(node.value, bool):
            return node
        if not isinstance(node.value, int):
            raise _refused(node, f"{node.value!r} is no whole number")
        if abs(node.value) > _INT64_MAX:
            raise _refused(node, f"{node.value} has more than 64 bits")
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name of the function's own."""
        if node.id not in self._local:
            raise _refused(node, f"{node.id} comes from elsewhere")
        return ast.Name(_own(node.id), node.ctx)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A choice, or `min`, `max` or `abs` of whole numbers."""
        called = self._called(node.func)
        values = [self.visit(value) for value in node.args]
        stated = [self.visit(keyword) for keyword in node.keywords]
        if called in {builtins.min, builtins.max} and len(values) > 1 and not stated:
            return ast.Call(ast.Name(called.__name__, ast.Load()), values, [])
        if called is builtins.abs and len(values) == 1 and not stated:
            return _checked("magnitude", values)
        name = next((name for name, choice in CHOICES.items() if choice is called), None)
        if name is None or any(keyword.arg is None for keyword in node.keywords):
            raise _refused(node, f"{ast.unparse(node)} is not compiled")
        return ast.Call(ast.Name(name, ast.Load()), values, stated)

    def _called(self, node: ast.expr) -> Any:
        """What a call calls: a name of Python or of the function's module, or of a module there."""
        if isinstance(node, ast.Name) and node.id not in self._local:
            return self._known.get(node.id, getattr(builtins, node.id, None))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = self._known.get(node.value.id)
            if isinstance(module, ModuleType) and node.value.id not in self._local:
                return getattr(module, node.attr, None)
        raise _refused(node, f"{ast.unparse(node)}() is not compiled")

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Arithmetic that notices what it cannot hold."""
        if type(node.op) not in _CHECKED:
            kind = type(node.op)
            raise _refused(node, _IN_WORDS.get(kind, f"{kind.__name__} is not compiled"))
        return _checked(_CHECKED[type(node.op)], [self.visit(node.left), self.visit(node.right)])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """`not`, or a sign."""
        held = self.visit(node.operand)
        match node.op:
            case ast.Not():
                return ast.UnaryOp(node.op, held)
            case ast.UAdd():
                return _checked("added", [held, ast.Constant(0)])
            case ast.USub():
                return _checked("negated", [held])
        raise _refused(node, "~ is not compiled")

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """One name, one value."""
        if len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
            raise _refused(node, "only a name may be assigned, one at once")
        return ast.Assign([self.visit(node.targets[0])], self.visit(node.value), lineno=0)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """The same as an assignment of a sum, a product and so on."""
        if not isinstance(node.target, ast.Name):
            raise _refused(node, "only a name may be assigned")
        read = ast.Name(node.target.id, ast.Load())
        value = ast.copy_location(ast.BinOp(read, node.op, node.value), node)
        return ast.Assign([self.visit(node.target)], self.visit_BinOp(value), lineno=0)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """An assignment, without its annotation."""
        if node.value is None or not isinstance(node.target, ast.Name):
            raise _refused(node, "only a name may be assigned")
        return ast.Assign([self.visit(node.target)], self.visit(node.value), lineno=0)

    def visit_For(self, node: ast.For) -> ast.AST:
        """A loop over a range."""
        counted = node.iter
        if (
            not isinstance(counted, ast.Call)
            or not isinstance(node.target, ast.Name)
            or self._called(counted.func) is not builtins.range
            or counted.keywords
            or len(counted.args) not in {1, 2}
            or node.orelse
        ):
            raise _refused(node, "only for NAME in range(START, END) is compiled")
        bounds = [self.visit(value) for value in counted.args]
        steps = ast.Call(ast.Name("range", ast.Load()), bounds, [])
        return ast.For(self.visit(node.target), steps, self.statements(node.body), [], lineno=0)


def _checked(name: str, values: list[ast.expr]) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), [ast.Name(FLAG, ast.Load()), *values], [])


# Python fails where a name has no value yet; compiled code would take whatever lies there.


def _assigned_after(body: Sequence[ast.stmt], assigned: frozenset[str]) -> frozenset[str] | None:
    """The names that surely have a value after these statements; None if none comes after them.

    Raises:
        ValueError: One is read before.
    """
    known: frozenset[str] | None = assigned
    for part in body:
        if known is None:
            return None
        known = _assigned_by(part, known)
    return known


def _assigned_by(part: ast.stmt, assigned: frozenset[str]) -> frozenset[str] | None:
    match part:
        case ast.Return(value=None):
            raise _refused(part, "return without a choice")
        case ast.Return(value=value):
            _check_read(value, assigned)
            return None
        case ast.Break() | ast.Continue():
            return None
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            _check_read(value, assigned)
            return assigned | {name}
        case ast.AugAssign(target=target, value=value):
            _check_read(target, assigned)
            _check_read(value, assigned)
        case ast.If(test=test, body=body, orelse=orelse):
            _check_read(test, assigned)
            ends = [_assigned_after(branch, assigned) for branch in (body, orelse)]
            open_ends = [names for names in ends if names is not None]
            return frozenset.intersection(*open_ends) if open_ends else None
        case ast.For(target=ast.Name(id=name), iter=counted, body=body):
            _check_read(counted, assigned)
            _assigned_after(body, assigned | {name})
    return assigned


def _check_read(node: ast.AST | None, assigned: frozenset[str]) -> None:
    """Check that the names an expression reads have a value.

    Raises:
        ValueError: One may have none.
    """
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Name) and part.id not in assigned and not _is_called(part, node):
            raise _refused(part, f"{part.id} may have no value there")


def _is_called(name: ast.Name, node: ast.AST | None) -> bool:
    """Test whether a name is only the function, or the module of the function, of a call."""
    called = [part.func for part in ast.walk(node or name) if isinstance(part, ast.Call)]
    return any(name is func or name is getattr(func, "value", None) for func in called)
