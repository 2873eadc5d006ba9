"""Files of what all hooks accepted: whole, private, and left out where they cannot be read."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from egxds.app.held_states import SUFFIX, HeldStates
from egxds.app.state_directory import StateDirectory
from egxds.hooks.policy.outcome import Accepted
from egxds.hooks.policy.saved_state import SavedState
from egxds.settings.daemon import Settings
from egxds.telemetry import Metrics
from tests.unit.app.states import encode_state, files, kept, loaded, state, written
from tests.unit.hooks.extensions import manager

pytestmark = pytest.mark.anyio

GATEWAYS = ("shop/gw", "shop/gw_", "shop_/gw", "a/b", "n" * 63 + "/" + "g" * 253)


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the daemon."""
    return "asyncio"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory that does not exist yet."""
    return tmp_path / "var" / "state"


def allow(directory: Path, mode: int) -> None:
    """Change who may do what."""
    directory.chmod(mode)


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


async def test_states_survive_a_restart(directory: Path) -> None:
    """Every Gateway has a file of its own, whatever its name."""
    await written(directory, *map(state, GATEWAYS))
    held, said = await loaded(directory)
    assert [kept(held, gateway) for gateway in GATEWAYS] == [encode_state(state(gateway)) for gateway in GATEWAYS]
    assert (len(files(directory)), said) == (len(GATEWAYS), [])


async def test_files_are_private(directory: Path) -> None:
    """They hold private keys: nobody else reads them."""
    await written(directory, state())
    (path,) = files(directory)
    assert (mode(directory), mode(path)) == (0o700, 0o600)


async def test_the_newest_state_is_kept(directory: Path) -> None:
    """A later state takes the place of the one before; one without a whole state does not."""
    held = await written(directory, state(), state(authz=5.0))
    held.keep(SavedState("shop/gw", Accepted()))
    await held.flush()
    assert kept((await loaded(directory))[0], "shop/gw") == encode_state(state(authz=5.0))


async def test_what_has_not_changed_is_not_written(directory: Path) -> None:
    """To remember the same once more costs no write."""
    held = await written(directory, state())
    (path,) = files(directory)
    path.unlink()
    held.keep(state())
    await held.flush()
    assert not files(directory)


async def test_what_changed_is_appended(directory: Path) -> None:
    """The file is not written anew; what it says is."""
    held = await written(directory, state())
    (path,) = files(directory)
    before = path.read_bytes()
    held.keep(state(authz=5.0))
    await held.flush()
    grown = path.read_bytes()
    assert (grown[: len(before)], len(grown) < 1.1 * len(before)) == (before, True)
    assert (mode(path), kept((await loaded(directory))[0], "shop/gw")) == (0o600, encode_state(state(authz=5.0)))


async def test_a_file_that_has_outgrown_its_content_is_begun_again(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not grow for ever."""
    monkeypatch.setattr("egxds.app.state_directory.SMALL_BYTES", 0)
    held = await written(directory, state())
    (path,) = files(directory)
    sizes = []
    for since in range(200):
        held.keep(state(authz=float(since)))
        await held.flush()
        sizes.append(path.stat().st_size)
    assert max(sizes) < 3 * len(encode_state(state()))
    assert sorted(sizes) != sizes
    assert kept((await loaded(directory))[0], "shop/gw") == encode_state(state(authz=199.0))


async def test_what_a_crash_has_torn_is_cut_off_and_not_gone_on_from(directory: Path) -> None:
    """The state before it counts; the next one is written anew, for nothing behind a torn record could be read."""
    held = await written(directory, state(), state(authz=5.0))
    (path,) = files(directory)
    held.keep(state(authz=6.0))
    await held.flush()
    path.write_bytes(path.read_bytes()[:-1])
    held, lines = await loaded(directory)
    assert (kept(held, "shop/gw"), lines) == (encode_state(state(authz=5.0)), ["hook.state_cut: "])
    held.keep(state(authz=7.0))
    await held.flush()
    held, lines = await loaded(directory)
    assert (kept(held, "shop/gw"), lines) == (encode_state(state(authz=7.0)), [])


async def test_a_file_that_was_taken_away_is_written_anew(directory: Path) -> None:
    """Nothing is appended to nothing."""
    held = await written(directory, state())
    (path,) = files(directory)
    path.unlink()
    held.keep(state(authz=5.0))
    await held.flush()
    assert kept((await loaded(directory))[0], "shop/gw") == encode_state(state(authz=5.0))


async def test_a_gateway_that_is_gone_is_forgotten(directory: Path) -> None:
    """Its keys do not stay behind."""
    held = await written(directory, state(), state("a/b"))
    held.forget("shop/gw")
    held.forget("never/there")
    await held.flush()
    assert held.of_gateway("shop/gw") is None
    assert len(files(directory)) == 1


async def test_what_could_not_be_written_is_written_without_another_change(directory: Path) -> None:
    """It is tried again, said once, and counted meanwhile."""
    await written(directory, state("a/b"))
    allow(directory, 0o770)
    metrics = Metrics()
    held = HeldStates(StateDirectory(directory), metrics)
    held.keep(state())
    with capture_logs() as lines:
        await held.flush()
        await held.flush()
    assert [line["event"] for line in lines] == ["hook.state_not_written"]
    assert unwritten(metrics) == 1
    allow(directory, 0o700)
    with capture_logs() as lines:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(held.write)
            with anyio.fail_after(30):
                while unwritten(metrics):  # noqa: ASYNC110 files have no event
                    await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
    assert [line["event"] for line in lines] == ["hook.state_written"]
    assert kept((await loaded(directory))[0], "shop/gw") == encode_state(state())


def unwritten(metrics: Metrics) -> float | None:
    """Return how many states are said to be unwritten."""
    return metrics.registry.get_sample_value("egxds_states_unwritten")


async def test_two_daemons_do_not_write_into_one_directory(directory: Path) -> None:
    """The second says so, and goes on when the first has ended."""
    first = await written(directory, state())
    second = HeldStates(StateDirectory(directory), Metrics())
    second.keep(state("a/b"))
    with capture_logs() as lines:
        await second.flush()
    (line,) = lines
    assert "another egxds keeps its states there" in line["error"]
    assert not files(directory, "a_b*")
    del first
    await second.flush()
    assert files(directory, "a_b*")


async def test_what_has_taken_the_place_of_a_file_is_not_written_into(directory: Path) -> None:
    """A named pipe would be waited for, and a link followed."""
    held = await written(directory, state())
    (path,) = files(directory)
    path.unlink()
    os.mkfifo(path)
    held.keep(state(authz=5.0))
    with anyio.fail_after(30):
        await held.flush()
    assert kept((await loaded(directory))[0], "shop/gw") == encode_state(state(authz=5.0))


async def test_a_directory_that_was_taken_away_is_made_again(directory: Path) -> None:
    """And locked anew."""
    held = await written(directory, state())
    shutil.rmtree(directory)
    held.keep(state(authz=5.0))
    await held.flush()
    assert kept((await loaded(directory))[0], "shop/gw") == encode_state(state(authz=5.0))


async def test_a_directory_that_others_may_write_to_is_not_used(directory: Path) -> None:
    """A state that others could have put there would be served: none is read, and no key is written."""
    await written(directory, state())
    allow(directory, 0o770)
    held, lines = await loaded(directory)
    assert held.of_gateway("shop/gw") is None
    assert lines == ["hook.state_ignored: others may write to the directory: chmod it to 700"]
    with capture_logs() as refused:
        held.keep(state("a/b"))
        await held.flush()
    assert [line["event"] for line in refused] == ["hook.state_not_written"]
    assert not files(directory, "a_b*")


async def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A file stands where the directory should be: the state is remembered in memory all the same."""
    (tmp_path / "state").touch()
    held = HeldStates(StateDirectory(tmp_path / "state"), Metrics())
    with capture_logs() as lines:
        await held.load()
        held.keep(state())
        await held.flush()
    assert [line["event"] for line in lines] == ["hook.state_ignored", "hook.state_not_written"]
    assert kept(held, "shop/gw") == encode_state(state())


async def test_a_draft_that_was_left_behind_is_no_state(directory: Path) -> None:
    """A write that a crash broke off costs nothing, and the next one goes through."""
    await written(directory, state())
    (path,) = files(directory)
    path.with_suffix(".new").write_bytes(b"half a st")
    held, lines = await loaded(directory)
    assert (kept(held, "shop/gw"), lines) == (encode_state(state()), [])
    held.keep(state(authz=1.0))
    await held.flush()
    assert [entry.name for entry in files(directory)] == [path.name]


async def test_states_are_written_as_they_come(directory: Path) -> None:
    """The task that writes wakes up by itself."""
    held = HeldStates(StateDirectory(directory), Metrics())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(held.write)
        held.keep(state())
        with anyio.fail_after(30):
            while not files(directory, f"*{SUFFIX}"):  # noqa: ASYNC110 files have no event
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("policy", "state_dir", "is_kept"), [("hold", "state", True), ("deny", "state", False), ("hold", None, False)]
)
async def test_files_are_kept_where_an_extension_holds(
    tmp_path: Path, policy: str, state_dir: str | None, *, is_kept: bool
) -> None:
    """Nothing is written that is of no use, and private keys least of all."""
    one = manager(policy=policy).model_dump(by_alias=True, exclude_defaults=True, mode="json")
    wanted = Settings.model_validate({"sources": {"files": {"paths": ["x"]}}, "extensionManagers": [one]})
    directory = StateDirectory(tmp_path / "state") if state_dir else None
    held = HeldStates.of(wanted, directory, Metrics())
    held.keep(state())
    await held.flush()
    assert (tmp_path / "state").exists() is is_kept
