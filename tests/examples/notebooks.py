"""Notebooks as the tests run them: code cells in one namespace, each with what it shows.

python -m tests.examples.notebooks     run them all, and write what they show into them

A notebook that draws with matplotlib needs Jupyter to show it: `make docs` runs those, and docs/test_site.py
compares what they show but for the octets of pictures.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"


def paths(*, drawn: bool = False) -> list[Path]:
    """The notebooks of the documentation, those without matplotlib or those with it."""
    return [path for path in sorted(FOLDER.glob("*.ipynb")) if ("matplotlib" in path.read_text("utf-8")) == drawn]


def shown(value: Any) -> dict[str, str]:
    """What Jupyter would show of a value, by MIME type."""
    if hasattr(value, "_repr_mimebundle_"):
        return dict(value._repr_mimebundle_())
    bundle = {"text/plain": repr(value)}
    if hasattr(value, "_repr_html_"):
        bundle["text/html"] = value._repr_html_()
    return bundle


def run_cell(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """Run a cell; the outputs as a notebook holds them (nbformat 4)."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    outputs: list[dict[str, Any]] = []
    value = None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    if printed.getvalue():
        outputs.append({"name": "stdout", "output_type": "stream", "text": lines(printed.getvalue())})
    if value is not None:
        data = {type: lines(text) for type, text in shown(value).items()}
        outputs.append({"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"})
    return outputs


def lines(text: str) -> list[str]:
    """Text as notebooks store it."""
    return text.splitlines(keepends=True)


def run(path: Path) -> dict[str, Any]:
    """A notebook with what its cells show now."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            cell["execution_count"] = number
            cell["outputs"] = run_cell("".join(cell["source"]), names, number)
    return notebook


def run_in_jupyter(path: Path) -> dict[str, Any]:
    """The same by a kernel of Jupyter; outputs without what differs from run to run."""
    import nbformat  # noqa: PLC0415  # of the docs group
    from nbclient import NotebookClient  # noqa: PLC0415

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": str(FOLDER)}}).execute()
    return settled(json.loads(nbformat.writes(notebook)))


def settled(notebook: dict[str, Any]) -> dict[str, Any]:
    """A notebook that was run by Jupyter without its times, versions and the description of each picture."""
    notebook["metadata"] = {
        "kernelspec": notebook["metadata"]["kernelspec"] | {"display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        for output in cell.get("outputs", ()):
            if "metadata" in output:
                output["metadata"] = {}
            if "image/svg+xml" in output.get("data", {}):
                output["data"] = {"image/svg+xml": output["data"]["image/svg+xml"]}
    return notebook


def without_pictures(notebook: dict[str, Any]) -> dict[str, Any]:
    """A notebook in which each picture is the word "picture"."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if "image/svg+xml" in output.get("data", {}):
                output["data"]["image/svg+xml"] = "picture"
    return notebook


def written(notebook: dict[str, Any]) -> str:
    """A notebook as its file holds it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each, made in [(path, run) for path in paths()] + [(path, run_in_jupyter) for path in paths(drawn=True)]:
        each.write_text(written(made(each)), encoding="utf-8")
        print(each)
