"""Sphinx's configuration: ``sphinx-build -W docs FOLDER``."""

import warnings

import softkern

# numpydoc's stand-in for matplotlib's own window.
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")

project = "softkern"
author = "The softkern developers"
project_copyright = author
version = release = softkern.__version__

extensions = [
    "numpydoc",
    "sphinx-mathjax-offline",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx_gallery.gen_gallery",
]
extlinks = {
    "doi": ("https://doi.org/%s", "doi:%s"),
    "arxiv": ("https://arxiv.org/abs/%s", "arXiv:%s"),
}
autosummary_generate = True
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "softkern"
html_show_sourcelink = False
_wide = (
    "getting_started",
    "mathematics",
    "embedding",
    "embedding_compiled",
    "embedding_cuda",
    "promises",
    "limits",
)
html_sidebars: dict[str, list[str]] = {page: [] for page in _wide}
html_theme_options = {"navbar_align": "left", "secondary_sidebar_items": ["page-toc"]}

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 3600,
    "abort_on_example_error": True,
    "reset_modules": ("matplotlib",),
}
