"""Sphinx's settings of the documentation site; `make docs` builds it."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

# This checkout, wherever Metabit is installed from.
sys.path[:0] = [str(ROOT), str(HERE)]

project = "Metabit"
author = "the Metabit authors"
copyright = "2026, the Metabit authors"
release = version = version_of("metabit")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "site_links",
]

html_theme = "furo"
html_title = "Metabit"
html_show_sphinx = False
html_static_path: list[str] = []
html_theme_options = {"navigation_with_keys": True}

# Drawings are no code.
highlight_language = "text"

myst_enable_extensions = ["deflist"]
# As git hosts make them: documents link to headings of all levels.
myst_heading_anchors = 6
# Doctests and Python prompts are copied without their prompts and outputs.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

autodoc_default_options = {
    "members": True,
    # Each name once, where it is defined; some modules hand names of others on.
    "ignore-module-all": True,
    "member-order": "bysource",
    "show-inheritance": True,
}
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

# Types of parameters are words here, "ndarray of bool, shape (n, bits)", and no names to look up.
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [
    ("Attributes", "params_style"),
    ("Interface attributes", "params_style"),
]

# Every page carries the list of all pages; with all names of all modules in it, that takes longer
# than everything else.
toc_object_entries = False

# Types that are only imported for type checkers are looked up by their short name, which several
# modules may have.
suppress_warnings = ["ref.python"]

nitpicky = True
# What Metabit does not define is documented elsewhere: this site is built without a network.
nitpick_ignore_regex = [
    ("py:.*", r"(?!metabit).*"),
    # Type variables.
    ("py:.*", r"metabit\..*\.[A-Z]"),
]
