"""Sphinx configuration: hand-written pages, and a reference generated from the declarations and the tables."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from reference import write_reference

project = "mstrp"
author = "the mstrp authors"
copyright = "2026, the mstrp authors"  # noqa: A001 - Sphinx asks for this name
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "mstrp"
exclude_patterns = ["_build"]
# The JSON schemas are copied unchanged.
html_extra_path = ["schemas"]
# Pages link to other files of the project.
suppress_warnings = ["myst.xref_missing"]

write_reference(Path(__file__).parent / "generated")
