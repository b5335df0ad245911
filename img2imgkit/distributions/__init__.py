"""Plugins as distributions: new projects, installing and uninstalling, and proofs of what is installed.

new_project   a project with one plugin, from the templates
templates     the files of such projects, in which the plugin is called "newcomer"
environment   who manages the distributions of this Python, and what img2imgkit needs in it
installers    pip and uv: how they are called, and what their errors mean
installing    a plugin installed or uninstalled, and loaded in a fresh process
batteries     which contract test proves a thing that a plugin registered
proving       all contract tests of a plugin, in a process that is ended if one takes too long
"""

from img2imgkit.distributions.environment import managed_elsewhere
from img2imgkit.distributions.installers import Change
from img2imgkit.distributions.installing import (
    Installation,
    distribution_of,
    install,
    load_in_fresh_process,
    plan_installation,
    uninstall,
)
from img2imgkit.distributions.new_project import TEMPLATES, NewProject, new_project
from img2imgkit.distributions.proving import Proof, prove

__all__ = [
    "TEMPLATES",
    "Change",
    "Installation",
    "NewProject",
    "Proof",
    "distribution_of",
    "install",
    "load_in_fresh_process",
    "managed_elsewhere",
    "new_project",
    "plan_installation",
    "prove",
    "uninstall",
]
