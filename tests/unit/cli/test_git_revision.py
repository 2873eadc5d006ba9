"""Which revision lies in a directory, told without running anything of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from egxds.cli.git_revision import git_revision

COMMIT, OTHER = "3f2a1cd0" * 5, "52dd42e1" * 5


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A working tree on the branch `main`, with a directory of files."""
    (tmp_path / ".git/refs/heads").mkdir(parents=True)
    (tmp_path / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git/refs/heads/main").write_text(f"{COMMIT}\n")
    (tmp_path / "config").mkdir()
    return tmp_path


def test_branch(repository: Path) -> None:
    """It is that of the branch, wherever in the tree one looks."""
    assert git_revision(repository) == git_revision(repository / "config") == COMMIT


def test_packed(repository: Path) -> None:
    """References are put together in a file now and then."""
    (repository / ".git/refs/heads/main").unlink()
    (repository / ".git/packed-refs").write_text(f"# pack-refs\n{OTHER} refs/heads/other\n{COMMIT} refs/heads/main\n")
    assert git_revision(repository) == COMMIT


def test_no_branch(repository: Path) -> None:
    """A checkout of a build server is of a commit."""
    (repository / ".git/HEAD").write_text(f"{OTHER}\n")
    assert git_revision(repository) == OTHER


def test_second_working_tree(repository: Path) -> None:
    """Its branch stands in the repository that it is of."""
    own = repository / ".git/worktrees/second"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "commondir").write_text("../..\n")
    second = repository / "second"
    second.mkdir()
    (second / ".git").write_text(f"gitdir: {own}\n")
    assert git_revision(second) == COMMIT


@pytest.mark.parametrize(
    "head",
    [
        "",
        "ref: refs/heads/none",
        "ref: ../../secret",
        "ref: refs/../../secret",
        "ref: /etc/passwd",
        "x" * 40,
        COMMIT[1:],
    ],
)
def test_what_leads_nowhere(repository: Path, head: str) -> None:
    """Nothing is said rather than something wrong, and nothing outside of the repository is read."""
    (repository / "secret").write_text(f"{OTHER}\n")
    (repository / ".git/HEAD").write_text(head)
    assert git_revision(repository) == ""


def test_none(tmp_path: Path) -> None:
    """Files need not be of a repository, nor be there."""
    assert git_revision(tmp_path) == git_revision(tmp_path / "gone") == ""


def test_what_would_have_one_wait(repository: Path) -> None:
    """A named pipe is not read."""
    (repository / ".git/HEAD").unlink()
    os.mkfifo(repository / ".git/HEAD")
    assert git_revision(repository) == ""


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git to compare with")
def test_as_git_says(tmp_path: Path) -> None:
    """It is what git says."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@localhost"]
    for words in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "a"], ["pack-refs", "--all"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    said = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert git_revision(tmp_path) == said.stdout.strip()
