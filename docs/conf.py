"""How Sphinx builds the documentation: Markdown by MyST, commands from click, the API from docstrings."""

from itemclip_med import __version__

project = "itemclip_med"
author = "The itemclip_med authors"
copyright = "The itemclip_med authors, Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx_click", "sphinx.ext.autosummary", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4

autosummary_generate = True
autodoc_typehints = "none"
napoleon_google_docstring = True

smartquotes = False  # options keep their two hyphens

html_theme = "furo"
html_title = f"itemclip_med {release}"
