"""The texts of the errors that the code can raise, read from the code itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dashboard", "pinpipe", "producer", "spark_jobs")
HOLE = "…"
"""What stands in a text for a value that is only known when it is raised."""

MAKERS = {
    "producer/database.py": {"_line"},
    "pinpipe/target.py": {"problems", "_locally", "_on_aws", "_half_a_pair"},
    "pinpipe/cli/main.py": {"_spark_or_aws"},
    "pinpipe/cli/status.py": {"complaint"},
    "pinpipe/counts.py": {"problems"},
    "pinpipe/stack/supervise.py": {"start"},
    "pinpipe/doctor.py": {"towards_aws"},
}
"""Functions that make an error's text for somebody else to raise: all of their texts that are a sentence."""


@dataclass(frozen=True)
class ErrorText:
    """A text with holes, and the file it is in."""

    place: str
    text: str


def error_texts() -> list[ErrorText]:
    """Every text that an error of ours can have: the literal first arguments of the error classes (subclasses of
    PinpipeError by name, and the doctor's Finding), and what the makers make.
    """
    trees = {
        path: ast.parse(path.read_text()) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))
    }
    errors = _subclasses(trees.values()) | {"Finding", "_told"}
    found = []
    for path, tree in trees.items():
        name = str(path.relative_to(ROOT))
        for node in ast.walk(tree):
            texts: Iterator[str] = iter(())
            if isinstance(node, ast.Call) and node.args and _name(node.func) in errors:
                texts = _texts(node.args[0])
            elif isinstance(node, ast.FunctionDef) and node.name in MAKERS.get(name, ()):
                body = ast.Module(node.body[1:] if ast.get_docstring(node) else node.body, [])
                texts = (text for text in _texts(body) if text.count(" ") >= 2)
            found += [ErrorText(name, text) for text in texts if _says_something(text)]
    return list(dict.fromkeys(found))


def setup_texts() -> list[ErrorText]:
    """What set-up's scripts complain of."""
    found = []
    for path in sorted([*(ROOT / "services").rglob("*.sh"), *(ROOT / "localstack").glob("*.sh")]):
        script = re.sub(r'" *\\\n *"', " ", path.read_text())  # a text over two lines
        for text in re.findall(r'(?:\bproblem |echo )"(.*?)"(?: >&2|$)', script, re.MULTILINE):
            text = re.sub(r"\$\{[^}]*\}|\$\([^)]*\)|\$\w+", HOLE, text)
            if text != "setup: …" and ("setup:" in text or "problem" in script):
                found.append(ErrorText(str(path.relative_to(ROOT)), text))
    return found


def _says_something(text: str) -> bool:
    """Whether a text has words of its own; what an error does about it, alone, is not one."""
    return len(re.sub(r"\W|[…\d_]", "", text)) > 8 and not text.startswith("run '")


def _subclasses(trees: Iterable[ast.Module]) -> set[str]:
    """The names of PinpipeError and of all that inherit from it, however far."""
    bases = {
        node.name: {_name(base) for base in node.bases}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"PinpipeError"}
    while more := {name for name, parents in bases.items() if parents & found} - found:
        found |= more
    return found


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _texts(node: ast.AST) -> Iterator[str]:
    """The texts in an expression, with holes for what is computed; a text inside a text's hole is not one."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and node.value.strip():
            yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)
