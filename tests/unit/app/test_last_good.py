"""A start goes on from the last good input: what cannot be read is in force as it was, and only that."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from egxds.app.file_source import FileTrees
from egxds.app.input_file import MAGIC
from egxds.app.last_good import FILE_NAME, LastGoodInput
from egxds.app.pipeline import Build, Pipeline
from egxds.app.state_directory import StateDirectory
from egxds.files.reading.content import Scan
from egxds.settings.daemon import Settings
from egxds.telemetry import Metrics
from tests.unit.app.files import GATEWAY

BROKEN = "kind: [\n"
REFUSED = GATEWAY.format(name="web", port=99999)


def service(name: str, port: int = 80) -> str:
    """Write an object."""
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: {port}}}]}}\n"


def together(*documents: str) -> str:
    """Write documents into one file."""
    return "---\n".join(documents)


class Installation:
    """Files, and a daemon's rooms up to the translations, that can be started again.

    Attributes:
        routes: what is read.
        settings: what it is started with.
        state: where the last good input is kept.
    """

    def __init__(self, root: Path, removal_delay: str = "0s", pool: str = "") -> None:
        self.root, self.routes, self.state = root, root / "routes", root / "state"
        self.routes.mkdir()
        self._files = {"paths": ["routes"], "removalDelay": removal_delay}
        self.set_pool(pool)
        self.start()

    def set_pool(self, pool: str) -> None:
        """Write the settings, for the next start."""
        addresses = {"addresses": {"pool": [pool]}} if pool else {}
        self.settings = Settings.model_validate({"sources": {"files": self._files}, **addresses})

    def start(self) -> None:
        """Start, without having stopped: what was to be kept is on disk."""
        self._directory: StateDirectory | None = None  # whoever is gone has let go of its lock
        self._kept: LastGoodInput | None = None
        self._directory = StateDirectory(self.state)
        self._kept = LastGoodInput(self._directory, Metrics())
        self.pipeline = Pipeline(self.settings, FileTrees(self.settings, self.root))
        kept = anyio.run(self._kept.load)
        if kept is not None:
            self.pipeline.resume(kept.good, kept.owners)

    def look(self) -> Build:
        """Read the files, and keep what they come to."""
        build = self.pipeline.run(Scan.ALL)
        assert self._kept is not None
        self._kept.take(build, is_settled=self.pipeline.removal_in_s() > 1e9)
        anyio.run(self._kept.flush)
        return build

    def restart(self) -> Build:
        """Start again, and look."""
        self.start()
        return self.look()

    def write(self, name: str, text: str | bytes) -> None:
        """Write a file."""
        path = self.routes / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


@pytest.fixture
def shop(tmp_path: Path) -> Installation:
    """Two files with three objects that were read once."""
    shop = Installation(tmp_path)
    shop.write("web.yaml", together(GATEWAY.format(name="web", port=8080), service("a")))
    shop.write("b.yaml", service("b"))
    shop.look()
    return shop


def in_force(build: Build) -> list[str]:
    """Return the objects in force, with the port of each."""
    return sorted(
        f"{item.key.name} {getattr(item.content, 'ports', None) or getattr(item.content, 'listeners', None)}"
        for item in build.state.objects()
    )


def names(build: Build) -> list[str]:
    """Return the names of the objects in force."""
    return sorted(item.key.name for item in build.state.objects())


def errors(build: Build) -> list[str]:
    """Return what cannot be read."""
    return [str(problem) for problem in build.state.unreadable if problem.severity.value == "error"]


def unmount(shop: Installation) -> None:
    """Leave an empty directory."""
    shutil.rmtree(shop.routes)
    shop.routes.mkdir()


def rename(shop: Installation) -> None:
    """Take the directory away."""
    shop.routes.rename(shop.root / "away")


def link(target: str) -> Callable[[Installation], None]:
    """Return what puts a link in the place of the directory."""

    def damage(shop: Installation) -> None:
        shutil.rmtree(shop.routes)
        shop.routes.symlink_to(target)

    return damage


def filled(content: str | bytes) -> Callable[[Installation], None]:
    """Return what has both files hold something else."""

    def damage(shop: Installation) -> None:
        for name in ("web.yaml", "b.yaml"):
            shop.write(name, content)

    return damage


def cut(shop: Installation) -> None:
    """Cut both files, so that neither is YAML."""
    for name in ("web.yaml", "b.yaml"):
        shop.write(name, (shop.routes / name).read_text()[:-40] + "\n  {")


def fill(shop: Installation) -> None:
    """Make both files larger than may be read."""
    for name in ("web.yaml", "b.yaml"):
        with (shop.routes / name).open("wb") as file:
            file.truncate(64 * 1024**2)


BREAKAGES: dict[str, Callable[[Installation], None]] = {
    "directory renamed": rename,
    "volume not mounted": unmount,
    "files emptied": filled(""),
    "a device in the place of the directory": link("/dev/null"),
    "a link that leads nowhere": link("nowhere"),
    "not text": filled(b"\0"),
    "not YAML": filled(BROKEN),
    "cut": cut,
    "too large": fill,
}


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("damage", BREAKAGES.values(), ids=BREAKAGES)
def test_nothing_can_be_read(shop: Installation, damage: Callable[[Installation], None], times: int) -> None:
    """Everything is in force as it was, however often it is started; repaired, what is there is."""
    before = in_force(shop.look())
    damage(shop)
    for _ in range(times):
        assert in_force(shop.restart()) == before
    if shop.routes.is_symlink():
        shop.routes.unlink()
    shutil.rmtree(shop.routes, ignore_errors=True)
    shop.routes.mkdir()
    shop.write("web.yaml", GATEWAY.format(name="web", port=8081))
    assert names(shop.restart()) == ["web"]
    assert errors(shop.look()) == []


def test_a_running_daemon_does_the_same(tmp_path: Path) -> None:
    """By the same rules in the same place."""
    for number, damage in enumerate(BREAKAGES.values()):
        (tmp_path / str(number)).mkdir()
        shop = Installation(tmp_path / str(number))
        shop.write("web.yaml", together(GATEWAY.format(name="web", port=8080), service("a")))
        shop.write("b.yaml", service("b"))
        before = in_force(shop.look())
        damage(shop)
        assert in_force(shop.look()) == before


def test_an_edit_while_it_was_down_counts_beside_a_broken_file(shop: Installation) -> None:
    """What can be read is believed: what is new, what is other, and what is gone."""
    shop.write("web.yaml", b"\xff\xfe")
    shop.write("b.yaml", service("b", 81))
    shop.write("c.yaml", service("c"))
    build = shop.restart()
    assert (names(build), errors(build)) == (
        ["a", "b", "c", "web"],
        ["routes/web.yaml: error: is UTF-16: save it as UTF-8"],
    )
    assert "81" in str(in_force(build))
    (shop.routes / "b.yaml").unlink()
    assert names(shop.restart()) == ["a", "c", "web"]


def test_a_deletion_while_it_was_down_is_one(shop: Installation) -> None:
    """The other file says that the input can be read."""
    (shop.routes / "b.yaml").unlink()
    assert names(shop.restart()) == ["a", "web"]


def test_a_comment_says_that_nothing_is_to_be_served(shop: Installation) -> None:
    """An empty directory does not."""
    unmount(shop)
    assert names(shop.restart()) == ["a", "b", "web"]
    shop.write("none.yaml", "# nothing is served on purpose\n")
    assert names(shop.restart()) == []


def test_a_document_that_was_refused_has_its_version_before(shop: Installation) -> None:
    """It stands in no file any more; the others of its file are as they are now, and lines are those of the files."""
    shop.write("web.yaml", together(REFUSED, service("a", 81), service("d")))
    before = in_force(shop.look())
    build = shop.restart()
    assert in_force(build) == before
    assert names(build) == ["a", "b", "d", "web"]
    shop.routes.rename(shop.root / "away")
    assert in_force(shop.restart()) == before
    assert in_force(shop.restart()) == before
    shop.routes.mkdir()
    shop.write("web.yaml", together(service("a", 81), service("d")))
    assert names(shop.restart()) == ["a", "d"]


def test_a_held_object_is_where_it_was(shop: Installation) -> None:
    """Its line is that of the time when it was accepted."""
    shop.write("web.yaml", together("# one\n# two\n" + GATEWAY.format(name="web", port=8080), service("a")))
    shop.look()
    shop.write("web.yaml", together(BROKEN, service("a")))
    shop.look()
    for build in (shop.restart(), shop.restart()):
        (web,) = (item for item in build.state.objects() if item.key.name == "web")
        assert str(build.state.locate(web)) == "routes/web.yaml:3"


def test_a_copy_does_not_take_over_when_the_original_is_broken(shop: Installation) -> None:
    """As it would not without a restart."""
    shop.write("b-backup.yaml", service("b", 99))
    shop.look()
    shop.write("b.yaml", b"\0")
    assert "99" not in str(in_force(shop.look()))
    assert "99" not in str(in_force(shop.restart()))


def test_what_disappeared_a_moment_ago_is_not_forgotten_by_a_crash(tmp_path: Path) -> None:
    """A checkout is no deletion, also when the daemon ends in the middle."""
    shop = Installation(tmp_path, removal_delay="1h")
    shop.write("a.yaml", service("a"))
    shop.write("b.yaml", service("b"))
    shop.look()
    (shop.routes / "a.yaml").unlink()
    shop.look()
    assert names(shop.restart()) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "it is no state of egxds", id="empty"),
        pytest.param(MAGIC + b" 2\n", "it has version 2 and not 1", id="version"),
        pytest.param(MAGIC + b" 1\n", "it is damaged", id="nothing whole"),
        pytest.param(MAGIC + b" 1\n" + b"[" * 100_000, "it is damaged", id="spoiled"),
    ],
)
def test_a_file_that_cannot_be_used_is_set_aside(shop: Installation, content: bytes, said: str) -> None:
    """What can be read is served, and kept again."""
    (shop.state / FILE_NAME).write_bytes(content)
    with capture_logs() as lines:
        assert names(shop.restart()) == ["a", "b", "web"]
    (line,) = lines
    assert (line["event"], said in line["error"]) == ("files.last_good_ignored", True)
    assert (shop.state / f"{FILE_NAME}.unusable").read_bytes() == content
    unmount(shop)
    assert names(shop.restart()) == ["a", "b", "web"]


def test_what_a_crash_has_torn_off_is_left_out(shop: Installation) -> None:
    """At each of its last bytes: the file says what it said before, and is gone on from."""
    path = shop.state / FILE_NAME
    begun = len(path.read_bytes())
    shop.write("b.yaml", service("b", 81))
    shop.look()
    whole = path.read_bytes()
    assert begun < len(whole)
    unmount(shop)
    for end in range(begun, len(whole)):
        path.write_bytes(whole[:end])
        assert "81" not in str(in_force(shop.restart()))
    path.write_bytes(whole)
    assert "81" in str(in_force(shop.restart()))


def test_an_edit_costs_its_own_size(shop: Installation) -> None:
    """One document of two thousand is appended, and not their file."""
    documents = [service(f"s{number}") for number in range(2000)]
    shop.write("many.yaml", together(*documents))
    shop.look()
    shop.write("b.yaml", service("b", 81))
    shop.look()  # the file has outgrown what it began with, and is begun again
    path = shop.state / FILE_NAME
    before = path.stat().st_size
    documents[1000] = service("s1000", 81)
    shop.write("many.yaml", together(*documents))
    build = shop.look()
    assert 0 < path.stat().st_size - before < 1000
    unmount(shop)
    assert in_force(shop.restart()) == in_force(build)


def test_what_could_not_be_written_is_written_whole(shop: Installation) -> None:
    """While others may write to the directory nothing is kept there, which is said once; then nothing is missing."""
    shop.state.chmod(0o770)
    with capture_logs() as lines:
        for port in (81, 82):
            shop.write("b.yaml", service("b", port))
            shop.write(f"c{port}.yaml", service(f"c{port}"))
            shop.look()
    assert [line["event"] for line in lines] == ["files.last_good_not_written"]
    shop.state.chmod(0o700)
    before = in_force(shop.look())
    unmount(shop)
    assert in_force(shop.restart()) == before


def test_who_has_a_port_keeps_it(shop: Installation) -> None:
    """A Gateway that came later does not take it by its name, and one that is gone has nothing."""
    shop.write("z.yaml", GATEWAY.format(name="z", port=9000))
    shop.look()
    shop.write("a.yaml", GATEWAY.format(name="a", port=9000))
    before = shop.look().exclusions
    assert [gateway for gateway, _ in before["egxds"]] == ["default/a"]
    assert shop.restart().exclusions == before
    (shop.routes / "z.yaml").unlink()
    assert shop.restart().exclusions.get("egxds", frozenset()) == frozenset()
    shop.write("z.yaml", GATEWAY.format(name="z", port=9000))
    assert [gateway for gateway, _ in shop.restart().exclusions["egxds"]] == ["default/z"]


def test_who_has_an_address_of_the_pool_keeps_it(tmp_path: Path) -> None:
    """Of two that want the same one the first has it, whatever their names; another pool gives other addresses."""
    shop = Installation(tmp_path, pool="10.0.0.0/30")
    shop.write("z.yaml", GATEWAY.format(name="z", port=9000))
    before = {**addresses(shop.look())}
    shop.write("a.yaml", GATEWAY.format(name="a", port=9000))
    now = addresses(shop.look())
    assert before.items() <= now.items()
    assert addresses(shop.restart()) == now
    (shop.routes / "z.yaml").unlink()
    assert addresses(shop.restart()) == {"a": now["a"]}
    shop.set_pool("10.1.0.0/30")
    assert addresses(shop.restart())["a"].startswith("10.1.0.")


def addresses(build: Build) -> dict[str, str]:
    """Return what each Gateway has of the pool."""
    return {key.name: address for key, address in build.owners.addresses.items()}


def test_files_are_private(shop: Installation) -> None:
    """They hold the keys of Secrets."""
    assert (shop.state.stat().st_mode & 0o777, (shop.state / FILE_NAME).stat().st_mode & 0o777) == (0o700, 0o600)
