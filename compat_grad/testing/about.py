"""What results are of: the project with its version and commit, TensorFlow, NumPy, Python, the machine, the day."""

import os
import platform
import re
import subprocess
import time

import numpy as np

from compat_grad._tf import tf
from compat_grad.testing import process
from compat_grad.testing.results import fingerprint


def about(root):
    """Return what a `Recorder` writes of this process, which tests the project in that folder."""
    project = _project(root)
    minor = ".".join(tf.__version__.split(".")[:2])
    return dict(
        project=project,
        project_version=_version(project),
        commit=_commit(root),
        environment=os.environ.get("TOX_ENV_NAME") or os.environ.get("NOX_CURRENT_SESSION") or "tf{}".format(minor),
        behaviour=process.behaviour(),
        tensorflow=tf.__version__,
        python=platform.python_version(),
        numpy=np.__version__,
        machine=platform.machine(),
        sources=fingerprint(root),
        started=time.time(),
    )


def _project(root):
    path = os.path.join(root, "pyproject.toml")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            found = re.search(r'^name *= *"([^"]+)"', file.read(), re.M)
        if found:
            return found.group(1)
    return os.path.basename(os.path.abspath(root))


def _version(project):
    try:
        from importlib import metadata
    except ImportError:  # Python 3.7 and older, where pytest brings it
        import importlib_metadata as metadata
    try:
        return metadata.version(project)
    except metadata.PackageNotFoundError:
        return ""


def _commit(root):
    """Return the commit that is checked out, with "+" where files have changed since; "" where there is no git."""
    try:
        commit = _git(root, "rev-parse", "--short", "HEAD")
        return commit + ("+" if commit and _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except OSError:
        return ""


def _git(root, *arguments):
    command = ["git", "-C", root] + list(arguments)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True)
    return done.stdout.strip() if done.returncode == 0 else ""
