"""One-command chores: ``nox`` checks and tests, ``nox -l`` lists the rest. See CONTRIBUTING.md.

Each chore has an environment of its own in ``.nox``, which is made once, by uv if it is installed.
"""

from __future__ import annotations

import nox

nox.needs_version = ">=2024.10.9"
PYTHONS = ["3.11", "3.12", "3.13"]  # that the project supports; the workflow for forks has the same
nox.options.sessions = ["lint", f"tests-{PYTHONS[0]}"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True


@nox.session
def lint(session: nox.Session) -> None:
    """Lint, format, types, and whether the reference agrees with the code."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("python", "docs/generate.py", "--check")


@nox.session
def fix(session: nox.Session) -> None:
    """What tools can repair: lint, format, the reference."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", "--fix", ".")
    session.run("ruff", "format", ".")
    session.run("python", "docs/generate.py")


@nox.session(python=PYTHONS, default=False)
def tests(session: nox.Session) -> None:
    """The fast tests; words after ``--`` go to pytest, such as ``-- tests/steps``."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-m", "not slow", "-n", "2", "--dist", "loadfile", *session.posargs)


@nox.session(default=False)
def slow(session: nox.Session) -> None:
    """The slow tests: whole trainings, kills at random moments, installed wheels, the tutorials, the site."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-m", "slow", "-n", "2", "--dist", "loadfile", *session.posargs)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """The site, strictly, in ``build/site``; ``-- serve`` shows it while you write."""
    session.install("-e", ".[docs]")
    session.run("mkdocs", *(session.posargs or ["build", "--strict"]))


@nox.session(default=False)
def gallery(session: nox.Session) -> None:
    """The pictures of the gallery, made anew."""
    session.install("-e", ".")
    session.run("python", "docs/gallery.py")


@nox.session(default=False, venv_backend="none")
def lowest(session: nox.Session) -> None:
    """A core of the tests with the lowest versions that ``pyproject.toml`` allows. Needs uv."""
    session.run("bash", ".ci/lowest", external=True)


@nox.session(default=False, venv_backend="none")
def ci(session: nox.Session) -> None:
    """Everything that must hold before a change goes in, in a copy of the files."""
    session.run("bash", ".ci/run", external=True)
