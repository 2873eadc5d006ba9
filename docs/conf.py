"""How the pages beside this file become a site and a man page: `make docs`."""  # noqa: INP001 read by Sphinx

from egxds import __version__

project = "egxds"
version = release = __version__
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
html_theme = "alabaster"
html_theme_options = {
    "description": "Envoy from Gateway API files, without Kubernetes",
    "fixed_sidebar": True,
    "page_width": "75em",
}
html_show_copyright = False
man_pages = [("reference/commands", "egxds", "a control plane for Envoy without Kubernetes", [], 1)]
