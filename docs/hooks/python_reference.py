# SPDX-License-Identifier: BSD-3-Clause
"""The Python reference in Markdown, from signatures and docstrings; imports nothing, so that it
needs neither the compiled core nor optional packages."""

import ast
from collections.abc import Iterator
from pathlib import Path

WIDTH = 80  # of signatures on one line
Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def render(root: Path, path: str) -> str:
    """The public names of a module; of a package, those of its `__all__`, from where they come."""
    file = root / path
    found = list(exported(root, path)) if file.is_dir() else public(tree_of(file))
    classes = [node for node in found if isinstance(node, ast.ClassDef)]
    functions = [node for node in found if not isinstance(node, ast.ClassDef)]
    return "\n".join(line for node in [*functions, *classes] for line in entry(node))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def exported(root: Path, package: str) -> Iterator[Named]:
    """Definitions of the names in a package's `__all__`, in its order."""
    wanted: list[str] = next(
        ast.literal_eval(node.value)
        for node in tree_of(root / package / "__init__.py").body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    for name in wanted:
        node = definition(root, package.replace("/", "."), name)
        if node is not None:  # a plain value has no docstring
            yield node


def definition(root: Path, module: str, name: str) -> Named | None:
    """Where a name that a module gives is defined, following its imports."""
    path = root.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = tree_of(path)
    for node in [*tree.body, *ast.walk(tree)]:  # imports may stand under `if TYPE_CHECKING`
        if isinstance(node, Named) and node.name == name:
            return node
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return definition(root, str(node.module), name)
    return None


def public(tree: ast.Module | ast.ClassDef) -> list[Named]:
    """Definitions with a docstring whose names do not begin with an underscore."""
    return [
        node
        for node in tree.body
        if isinstance(node, Named)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is not None
    ]


def entry(node: Named, owner: str = "") -> Iterator[str]:
    """Heading, signature, words; of a class, its methods too."""
    yield f"\n{'####' if owner else '###'} {owner}{node.name}\n"
    yield f"```python\n{signature(node, owner)}\n```\n"
    yield (ast.get_docstring(node) or "") + "\n"
    if isinstance(node, ast.ClassDef):
        for member in public(node):
            yield from entry(member, f"{node.name}.")


def signature(node: Named, owner: str) -> str:
    """How it is called; of a data class, its fields."""
    if isinstance(node, ast.ClassDef):
        begin = f"class {node.name}"
        bases = ", ".join(map(ast.unparse, node.bases))
        made = next((m for m in node.body if getattr(m, "name", "") == "__init__"), None)
        if isinstance(made, ast.FunctionDef):
            return called(begin, made)
        fields = [ast.unparse(f) for f in node.body if isinstance(f, ast.AnnAssign)]
        shown = [f"    {field}" for field in fields if not field.startswith("_")]
        if bases:
            begin += f"({bases})"
        return "\n".join([f"{begin}:", *shown] if shown else [begin])
    decorators = {ast.unparse(each).split(".")[-1] for each in node.decorator_list}
    if decorators & {"property", "cached_property"}:
        returns = f": {ast.unparse(node.returns)}" if node.returns else ""
        return f"{owner}{node.name}{returns}"
    return called(f"{owner}{node.name}", node)


def called(begin: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A call with its parameters, one a line where they are many."""
    arguments = node.args
    for group in (arguments.posonlyargs, arguments.args):
        if group and group[0].arg in ("self", "cls"):
            del group[0]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns and node.name != "__init__" else ""
    listed = list(parameters(arguments))
    line = f"{begin}({', '.join(listed)}){returns}"
    if len(line) <= WIDTH:
        return line
    split = "".join(f"    {each},\n" for each in listed)
    return f"{begin}(\n{split}){returns}"


def parameters(arguments: ast.arguments) -> Iterator[str]:
    """Each parameter as it is written."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    for argument, default in zip(plain, [*defaults, *arguments.defaults], strict=True):
        yield parameter(argument, default)
    if arguments.vararg:
        yield f"*{ast.unparse(arguments.vararg)}"
    elif arguments.kwonlyargs:
        yield "*"
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield parameter(argument, default)
    if arguments.kwarg:
        yield f"**{ast.unparse(arguments.kwarg)}"


def parameter(argument: ast.arg, default: ast.expr | None) -> str:
    text = ast.unparse(argument)
    if default is None:
        return text
    return f"{text}{' = ' if argument.annotation else '='}{ast.unparse(default)}"
