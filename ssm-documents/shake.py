"""Leaves of a script what its handler needs: without that, the documents would not fit what Systems Manager takes."""

import ast


def names_in(node):
    """Names that a piece of code uses."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def defined_by(node):
    """Names that a statement at the top of a script defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    if isinstance(node, ast.Assign):
        return {name for target in node.targets for name in names_in(target)}
    return set()


def without_words(node):
    """Takes the docstrings away; comments are gone with the parsing."""
    for inner in ast.walk(node):
        body = getattr(inner, "body", None)
        if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and len(body) > 1 and ast.get_docstring(inner) is not None:
            del body[0]
    return node


def shaken(text, handler):
    """The statements that `handler` needs, in their order, with an indentation of one."""
    statements = ast.parse(text).body
    needed, waiting = set(), {handler}
    while waiting:
        name = waiting.pop()
        needed.add(name)
        for statement in statements:
            if name in defined_by(statement):
                waiting |= names_in(statement) - needed
    kept = [without_words(statement) for statement in statements if defined_by(statement) & needed]
    for statement in kept:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            statement.names = [alias for alias in statement.names if (alias.asname or alias.name).split(".")[0] in needed]
    lines = "\n".join(ast.unparse(statement) for statement in kept).split("\n")
    return "\n".join(" " * ((len(line) - len(line.lstrip())) // 4) + line.lstrip() for line in lines if line.strip()) + "\n"
