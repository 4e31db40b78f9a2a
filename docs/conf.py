"""How Sphinx builds these pages; `tox -e docs` does it, and takes a warning for an error."""

import compat_grad

project = "compat_grad"
author = copyright = "compat_grad contributors"
version = release = compat_grad.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

# Every reference leads somewhere, what stands in single backticks in a docstring included.
nitpicky = True
default_role = "py:obj"
nitpick_ignore = [("py:exc", name) for name in ("TypeError", "ValueError", "LookupError")]

myst_heading_anchors = 4  # so that "guide.md#keras" is a reference

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # they stand in the stub, for type checkers
napoleon_numpy_docstring = False

# The notebook has no outputs in it: it is run as it is built.
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_output_stderr = "remove"  # TensorFlow's remarks on itself

html_theme = "furo"
html_title = "compat_grad " + version


def find_by_last_name(app, env, node, contnode):
    """Resolve `Override` from wherever it is said: a public name is told by its last part alone."""
    domain = env.get_domain("py")
    last = node.get("reftarget")
    found = [name for name, entry in domain.objects.items() if name.rpartition(".")[2] == last and not entry.aliased]
    if node.get("refdomain") != "py" or len(found) != 1:
        return None
    options = dict(node.attributes, **{"py:module": None, "py:class": None})
    target = type(node)("", **dict(options, reftarget=found[0]))
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], found[0], target, contnode)


def setup(app):
    app.connect("missing-reference", find_by_last_name)
