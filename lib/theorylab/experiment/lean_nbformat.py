"""nbformat, imported in a tenth of a second.

Its validator imports jsonschema's check of a string format that no notebook has, which builds a grammar for a second
(and is left out where its package is not installed).
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)

import nbformat  # noqa: E402
from nbformat import NotebookNode  # noqa: E402

__all__ = ["NotebookNode", "nbformat"]
