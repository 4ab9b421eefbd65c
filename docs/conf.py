"""How Sphinx builds the documentation: Markdown by MyST, commands from click, the API from docstrings."""

import importlib
import os
import pkgutil

import itemclip_med

project = "itemclip_med"
author = "The itemclip_med authors"
copyright = "The itemclip_med authors, Apache-2.0"
release = version = itemclip_med.__version__

extensions = ["myst_nb", "sphinx_click", "sphinx.ext.autosummary", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4

# Every notebook is run for its page, in a folder of its own; a cell that fails ends the build. While writing other
# pages, NOTEBOOKS=cache runs those that changed, NOTEBOOKS=off none.
nb_execution_mode = os.environ.get("NOTEBOOKS", "force")
nb_execution_timeout = 600
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_merge_streams = True

autosummary_generate = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_use_ivar = True  # a dataclass says its fields once

smartquotes = False  # options keep their two hyphens

html_theme = "furo"
html_title = f"itemclip_med {release}"

# Names that packages import when they are first asked for are asked for here, so that the reference has them.
for found in pkgutil.iter_modules(itemclip_med.__path__, "itemclip_med."):
    if found.ispkg:
        package = importlib.import_module(found.name)
        for name in getattr(package, "__all__", ()):
            setattr(package, name, getattr(package, name))
