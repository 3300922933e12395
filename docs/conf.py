"""The documentation as a site: `make docs` builds it into build/docs. Nothing is fetched; a warning is an error."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from sphinx.ext import napoleon
from sphinx.ext.napoleon import NumpyDocstring

project = "flowparse"
author = "the flowparse authors"
project_copyright = "the flowparse authors, MIT licence"
version = release = "0.1"
language = "en"
smartquotes = False

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples"]
suppress_warnings = ["ref.python"]  # `events` in a signature is a word, not a link that has two targets
default_role = "literal"  # as docstrings here use single backquotes

html_theme = "furo"
html_title = "flowparse"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Notebooks run each time, in the Python that builds. A cell that raises ends the build.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_show_tb = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]
add_module_names = False
toc_object_entries_show_parents = "hide"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90

HANDED_OVER = {"Batch", "Chunk", "Column", "Explanation", "ExporterStats", "Message", "Report", "Row"}
"""What nobody makes but the library: no signature to show."""


@cache
def stub(module: str) -> dict[str, str]:
    """Name -> signature, of the hand-written stub of a kernel; empty where there is none."""
    path = Path(import_module(module).__file__ or "")
    path = path.with_name(f"{path.name.partition('.')[0]}.pyi")
    if not path.exists():
        return {}
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for each in inside:
            if isinstance(each, ast.FunctionDef):
                returns = f" -> {ast.unparse(each.returns)}" if each.returns else ""
                found[prefix + each.name] = f"({ast.unparse(each.args)}){returns}".replace("_Exporter", "Exporter")
    return found


def signature(
    app: Any, what: str, name: str, thing: Any, options: Any, given: str | None, returns: str | None
) -> tuple[str | None, str | None] | None:
    """Kernels have their stub's signature; what the library alone makes has none."""
    if what not in ("class", "method", "function") or not given:
        return None
    if what == "class":
        return ("", None) if name.rpartition(".")[2] in HANDED_OVER else None
    module, at = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "")
    if module is None and hasattr(thing, "__objclass__"):
        module, at = thing.__objclass__.__module__, thing.__qualname__
    written = stub(module).get(at) if module and module.startswith("flowparse.") else None
    if written is not None:
        arguments, _, result = written.partition(" -> ")
        return arguments.replace("(self, /, ", "(").replace("(self, ", "(").replace("(self)", "()"), result or None
    if given.startswith("(self"):
        return "(" + given.removeprefix("(self").removeprefix(", "), returns
    return None


class _Docstring(NumpyDocstring):
    """napoleon, except that the words before a colon in a property's docstring are no type."""

    def _consume_inline_attribute(self) -> tuple[str, list[str]]:
        return "", self._dedent(self._consume_to_end())


napoleon.NumpyDocstring = _Docstring


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
