"""`egxds publish`, `history`, `rollback` and `diff` of generations, with an etcd in memory."""

from __future__ import annotations

import base64
import json
from unittest import mock

import anyio
import pytest
from click.testing import CliRunner

from egxds.cli.application import application
from egxds.etcd.errors import NoSpaceError, OutcomeUnknownError, UnavailableError
from egxds.etcd.operations import Delete, Put
from egxds.published.content import Content
from egxds.published.publishing import Publisher
from egxds.published.record import decoded_record
from tests.etcd_fake import FakeEtcd
from tests.unit.cli.desk import LAYOUT, Client, Desk, desk
from tests.unit.cli.published_shop import write_route

__all__ = ["desk"]


def test_publish(desk: Desk) -> None:
    """Files are published by their paths below the directory; what becomes another is said as diff says it."""
    done = desk.publish("-m", "opens the shop", "--author", "kim")
    assert "generation 1 is in force: 3 files" in done.stdout
    assert "+ listener default/web/http (config/gateway.yaml:6)" in done.stdout
    assert desk.paths() == ["gateway.yaml", "routes/cart.yaml", "routes/shop.yaml"]
    write_route(desk.directory / "config", "cart", 8081)
    done = desk.publish()
    assert "generation 2 is in force, after 1: 3 files" in done.stdout
    assert "+          port_value: 8081" in done.stdout
    assert "0 added, 0 removed, 1 changed; no connection drains" in done.stdout


def test_nothing_new(desk: Desk) -> None:
    """It is said, and there is no other generation."""
    desk.publish()
    assert "nothing is new: generation 1 is in force" in desk.publish().stdout
    assert LAYOUT.generation(2) not in desk.cluster.keys


def test_dry_run(desk: Desk) -> None:
    """It ends with what would become another."""
    desk.publish()
    write_route(desk.directory / "config", "new")
    before = dict(desk.cluster.keys)
    done = desk.publish("--dry-run")
    assert "+ cluster httproute/default/new/rule/0 (config/routes/new.yaml:1)" in done.stdout
    assert done.stdout.endswith("nothing was published\n")
    assert desk.cluster.keys == before


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("bad.yaml", "kind: [", "config/bad.yaml:1: error: not valid YAML"),
        ("notes.txt", "", "config/notes.txt: warning: is not read"),
        ("tab\t.yaml", "# nothing", "its path has characters that cannot be shown, or a backslash: rename it"),
    ],
)
def test_findings(desk: Desk, name: str, text: str, said: str) -> None:
    """Nothing is published that validate --strict would not let pass, or that has no name for all."""
    (desk.directory / "config" / name).write_text(text)
    done = desk.run("publish", "config")
    assert done.exit_code == 1
    assert said in done.stdout
    assert desk.cluster.keys == {}


def test_hidden_files_are_not_published(desk: Desk) -> None:
    """What is not read is not published either: editors' leftovers, and what is hidden."""
    for name in (".hidden.yaml", "gateway.yaml~", ".git"):
        (desk.directory / "config" / name).write_text("kind: [")
    desk.publish()
    assert desk.paths() == ["gateway.yaml", "routes/cart.yaml", "routes/shop.yaml"]


def test_several_directories(desk: Desk) -> None:
    """Each file is published by its path below the one that it is in; no two by one."""
    other = desk.directory / "other/routes"
    (desk.directory / "config/routes/cart.yaml").rename(desk.directory / "cart.yaml")
    assert desk.run("publish", "config", "cart.yaml").exit_code == 0
    assert desk.paths() == ["cart.yaml", "gateway.yaml", "routes/shop.yaml"]
    write_route(desk.directory / "other", "wish")
    (other / "wish.yaml").rename(other / "shop.yaml")
    done = desk.run("publish", "config", "other")
    assert done.exit_code == 1
    assert "other/routes/shop.yaml: error: would be published as routes/shop.yaml" in done.stdout


def _write_secret(desk: Desk) -> None:
    value = base64.b64encode(b"made-up").decode()
    secret = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\ndata: {{a: {value}}}\n"
    (desk.directory / "config/secret.yaml").write_text(secret)


def test_secret(desk: Desk) -> None:
    """It is published where the settings say so, which they may only where etcd is spoken to by TLS."""
    _write_secret(desk)
    done = desk.run("publish", "config")
    assert done.exit_code == 1
    assert "config/secret.yaml:1: error: Secret default/key: holds values, and is not published" in done.stdout
    assert desk.cluster.keys == {}
    desk.set_up(more=", allowSecrets: true")
    assert desk.run("publish", "config").exit_code == 2
    desk.set_up("https://127.0.0.1:2379", more=", allowSecrets: true")
    desk.publish()


def test_secret_with_a_key(desk: Desk) -> None:
    """It is published for those who have the key, whatever etcd is spoken to by, and shows nowhere."""
    _write_secret(desk)
    desk.set_up(more=", keyFile: store.key")
    done = desk.run("publish", "config")
    assert done.exit_code == 2
    assert "store.key: no such file" in done.stderr
    (desk.directory / "store.key").write_bytes(b"k" * 32)
    desk.publish()
    assert all(b"made-up" not in each.value and b"data:" not in each.value for each in desk.cluster.keys.values())
    assert "the same" in desk.run("diff", "gen:head", "config").stdout
    assert desk.run("history").exit_code == 0
    desk.set_up()
    assert "is encrypted: name the key in sources.etcd.keyFile" in desk.run("diff", "gen:head", "config").stderr


def test_somebody_else_publishes_in_between(desk: Desk) -> None:
    """Nothing was done, and who did what is said: exit 3."""
    desk.publish()
    write_route(desk.directory / "config", "cart", 8081)
    plan = Publisher.plan

    async def meanwhile(publisher: Publisher, content: Content, **more: bool) -> object:
        made = await plan(publisher, content, **more)
        theirs = decoded_record(desk.cluster.keys[LAYOUT.head].value)
        theirs = theirs.model_copy(update={"generation": 2, "parent": 1, "author": "lee", "message": "closes"})
        await FakeEtcd(desk.cluster).transact((), [Put(LAYOUT.head, theirs.encode())])
        return made

    with mock.patch.object(Publisher, "plan", meanwhile):
        done = desk.run("publish", "config")
    assert done.exit_code == 3
    assert (
        "somebody else published in between: generation 2 by lee (closes) is in force; nothing was done" in done.stderr
    )


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UnavailableError("no member answers"), 3, "nothing was done: etcd at 127.0.0.1:2379 cannot be used"),
        (NoSpaceError("the quota of etcd is used up"), 1, "the quota of etcd is used up"),
        (OutcomeUnknownError("no answer came"), 1, "`egxds history` says what is in force"),
    ],
)
def test_store_fails(desk: Desk, error: Exception, status: int, said: str) -> None:
    """Whether anything was done is told by the exit status."""
    with mock.patch.object(Client, "transact", side_effect=error):
        done = desk.run("publish", "config")
    assert (done.exit_code, said in done.stderr) == (status, True)


def test_what_is_in_force_is_damaged(desk: Desk) -> None:
    """What becomes another is not known then, and the new generation is in force all the same."""
    desk.publish()
    blobs = [key for key in desk.cluster.keys if key.startswith(LAYOUT.blobs)]
    anyio.run(FakeEtcd(desk.cluster).transact, (), [Delete(key) for key in blobs])
    for name in ("cart", "shop"):
        write_route(desk.directory / "config", name, 8081)
    done = desk.publish()
    assert "generation 2 is in force, after 1" in done.stdout
    assert "warning: what becomes another is not known" in done.stderr
    assert "warning: what no generation needs any more was not removed" not in done.stderr


def test_what_was_lost_is_there_again(desk: Desk) -> None:
    """An edit of another file does not bring it, and neither do the same files; all of them do."""
    desk.publish()
    before = dict(desk.cluster.keys)
    blobs = [key for key in before if key.startswith(LAYOUT.blobs)]
    anyio.run(FakeEtcd(desk.cluster).transact, (), [Delete(key) for key in blobs])
    assert "nothing is new" in desk.publish().stdout
    assert "generation 2 is in force, after 1" in desk.publish("--whole").stdout
    assert {key: desk.cluster.keys[key].value for key in blobs} == {key: before[key].value for key in blobs}
    assert desk.run("diff", "gen:head", "config").exit_code == 0


def test_only_so_many_are_kept(desk: Desk) -> None:
    """The rest is removed after a publish."""
    desk.set_up(more=", keep: 2")
    for port in (1, 2, 3, 4):
        write_route(desk.directory / "config", "cart", port)
        desk.publish("-m", f"port {port}")
    items = json.loads(desk.run("history", "-o", "json").stdout)["items"]
    assert [(each["generation"], each["message"], each["inForce"]) for each in items] == [
        (4, "port 4", True),
        (3, "port 3", False),
    ]
    assert len([key for key in desk.cluster.keys if key.startswith(LAYOUT.blobs)]) == 4


def test_history_for_people(desk: Desk) -> None:
    """Each generation is a line."""
    assert "nothing was published" in desk.run("history").stderr
    desk.publish("-m", "opens the shop", "--author", "kim")
    line = desk.run("history").stdout.splitlines()[1]
    assert [line.split()[0], *line.split()[4:]] == ["1", "kim", "3", "opens", "the", "shop"]


def test_diff_and_rollback(desk: Desk) -> None:
    """What people do when something went wrong: look, and go back."""
    desk.publish()
    write_route(desk.directory / "config", "cart", 8081)
    desk.publish()
    looked = desk.run("diff", "gen:head~1", "gen:head")
    assert (looked.exit_code, "+          port_value: 8081" in looked.stdout) == (1, True)
    assert desk.run("diff", "gen:2", "config").exit_code == 0
    assert (
        desk.run("rollback", "gen:head~1", "-m", "too early").stdout
        == "generation 3 is in force, with the files of 1\n"
    )
    assert desk.run("diff", "gen:1", "gen:3").exit_code == 0
    assert "nothing is new" in desk.run("rollback", "1").stdout
    assert "back to 1: too early" in desk.run("history").stdout


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("rollback", "9"), 1),
        (("rollback", "the one before"), 2),
        (("rollback", "0"), 2),
        (("rollback", "gen:head~7"), 1),
        (("diff", "gen:9", "gen:head"), 2),
        (("publish", "nowhere"), 2),
        (("publish", "-"), 2),
    ],
)
def test_what_is_not_there(desk: Desk, words: tuple[str, ...], status: int) -> None:
    """It is said, and nothing is done."""
    desk.publish()
    before = dict(desk.cluster.keys)
    assert desk.run(*words).exit_code == status
    assert desk.cluster.keys == before


def test_settings_of_files(desk: Desk) -> None:
    """Where generations are has to be said."""
    desk.config.write_text("sources: {files: {paths: [config]}}")
    done = desk.run("history")
    assert (done.exit_code, "has no sources.etcd" in done.stderr) == (2, True)
    assert CliRunner().invoke(application, ["diff", "gen:1", "gen:2"]).exit_code == 2
