"""SIGHUP reads the settings file again: what takes effect, what waits for a restart, what is refused."""

from __future__ import annotations

import json
import signal
from typing import Any

from tests.envoy.client import http_get
from tests.envoy.manifests import gateway, http, http_route
from tests.envoy.waiting import wait_for
from tests.envoy.workspace import Workspace
from tests.ports import free_port
from tests.process.redirected import RedirectedDaemon

SAME_FILES = "the files come to nothing else than before"


def reload(daemon: RedirectedDaemon) -> dict[str, Any]:
    """Send SIGHUP, and return what it is said to have come to."""
    before = len(daemon.events("app.reloaded"))
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: len(daemon.events("app.reloaded")) > before, "app.reloaded in the log")
    return daemon.events("app.reloaded")[-1]


def routes(daemon: RedirectedDaemon) -> set[str]:
    """Return the names of the routes that are in force."""
    return {item["metadata"]["name"] for item in daemon.api("objects", kind="HTTPRoute")["items"]}


def troubles(daemon: RedirectedDaemon) -> list[str]:
    """Return what `egxds status` finds wrong, by where it is."""
    found = daemon.api("status")["troubles"]
    return [f"{each['source']['file']}:{each['source']['line']}: {each['text']}" for each in found]


def test_nothing_is_otherwise(daemon: RedirectedDaemon) -> None:
    """That is said, too."""
    daemon.start()
    line = reload(daemon)
    assert (line["settings"], line["settings_changed"], line["needs_restart"]) == ("accepted", [], [])
    assert (line["result"], line["detail"], line["files_read"]) == ("accepted", SAME_FILES, 3)
    assert daemon.metric("egxds_settings_not_in_force") == 0
    assert daemon.stop() == 0


def test_a_level_takes_effect(daemon: RedirectedDaemon) -> None:
    """What was not logged at the start is logged from then on."""
    daemon.settings["logging"]["level"] = "error"
    daemon.write_settings()
    daemon.start()
    assert daemon.log == ""
    daemon.settings["logging"]["level"] = "info"
    daemon.write_settings()
    assert reload(daemon)["settings_changed"] == ["logging.level: error → info"]


def test_another_directory_is_read_and_watched(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """Its routes come, its changes are told, and all of it goes again with its line in the settings."""
    more = workspace.root / "more"
    more.mkdir()
    (more / "b.yaml").write_text(http_route("b", "b.test", "echo"))
    paths = daemon.settings["sources"]["files"]["paths"]
    daemon.settings["sources"]["files"] |= {"pollInterval": "1h", "removalDelay": "0s"}
    daemon.write_settings()
    daemon.start()
    paths.append("more")
    daemon.write_settings()
    line = reload(daemon)
    assert line["settings_changed"] == [f"sources.files.paths: [{paths[0]}] → [{paths[0]}, more]"]
    assert (line["objects"], line["files"], line["files_read"]) == (["HTTPRoute default/b"], ["more/b.yaml"], 4)
    assert routes(daemon) == {"a", "b"}
    (more / "c.yaml").write_text(http_route("c", "c.test", "echo"))
    wait_for(lambda: routes(daemon) == {"a", "b", "c"}, "a route of a file that the poll would find in an hour")
    paths.remove("more")
    daemon.write_settings()
    assert reload(daemon)["objects"] == ["HTTPRoute default/b", "HTTPRoute default/c"]
    assert routes(daemon) == {"a"}


def test_a_broken_file_changes_nothing_and_says_all_its_faults(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """Each with its line, as a start would; the files are read all the same, and it is over when the file is mended."""
    daemon.start()
    whole = daemon.settings_path.read_text()
    daemon.settings_path.write_text(whole.replace('"level": "debug"', '"level": "loud",\n"levle": 1'))
    workspace.write("b.yaml", http_route("b", "b.test", "echo"))
    line = reload(daemon)
    assert (line["settings"], line["settings_changed"], line["files_read"]) == ("refused", [], 4)
    assert routes(daemon) == {"a", "b"}
    (said,) = daemon.events("settings.refused")
    lines = [number for number, text in enumerate(daemon.settings_path.read_text().splitlines(), 1) if '"lev' in text]
    assert [fault.partition(": ")[0] for fault in said["faults"]] == [f"{daemon.settings_path}:{n}" for n in lines]
    assert "logging.level: must be debug, info, warning or error, but is the string 'loud'" in said["faults"][0]
    assert "unknown key; did you mean level?" in said["faults"][1]
    assert daemon.metric("egxds_settings_not_in_force") == 1
    ready = daemon.admin("/readyz")
    assert (ready.status, ready.text.splitlines()[0]) == (200, "ok")
    assert f"{daemon.settings_path}:{lines[1]}: error: logging.levle: unknown key" in ready.text
    assert len([each for each in troubles(daemon) if "the settings in force are those of before" in each]) == 2
    daemon.settings_path.write_text(whole)
    assert reload(daemon)["settings"] == "accepted"
    assert daemon.metric("egxds_settings_not_in_force") == 0
    assert daemon.admin("/readyz").text == "ok\n"
    assert troubles(daemon) == []


def test_a_file_that_is_gone_is_refused(daemon: RedirectedDaemon) -> None:
    """As one that cannot be read."""
    daemon.start()
    daemon.settings_path.unlink()
    assert reload(daemon)["settings"] == "refused"
    (said,) = daemon.events("settings.refused")
    assert said["faults"] == [
        f"{daemon.settings_path}: error: the settings file cannot be read: No such file or directory"
    ]


def test_what_needs_a_restart_is_named_until_it_is_over(daemon: RedirectedDaemon) -> None:
    """The rest of the file is in force; after the restart, all of it."""
    daemon.start()
    before, port = daemon.settings["xds"]["address"], free_port()
    daemon.settings["xds"] = {"address": f"127.0.0.1:{port}"}
    daemon.settings["logging"]["level"] = "info"
    daemon.write_settings()
    line = reload(daemon)
    change = f"xds.address: {before} → 127.0.0.1:{port}"
    assert (line["settings"], line["needs_restart"]) == ("restart", [change])
    assert line["settings_changed"] == ["logging.level: debug → info"]
    assert f"{change} needs a restart: the port is open" in daemon.admin("/readyz").text
    (trouble,) = troubles(daemon)
    assert trouble.startswith(f"{daemon.settings_path}:0: {change} needs a restart")
    assert daemon.metric("egxds_settings_not_in_force") == 1
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.admin("/readyz").text == "ok\n"
    assert daemon.events("app.listening")[-1]["xds"] == f"127.0.0.1:{port}"


def test_what_is_translated_otherwise(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """Gateways get other addresses, and keep those that the pool still has; a path is looked at otherwise."""
    own = '"addresses": [{"type": "IPAddress", "value": "127.0.0.1"}], '
    workspace.write("gateway.yaml", gateway("web", http(free_port())).replace(own, ""))
    daemon.start()

    def has(text: str) -> bool:
        (found,) = daemon.api("config_dump", type="listener")["items"]
        return text in json.dumps(found["body"])

    assert has("0.0.0.0")
    assert has("merge_slashes")
    daemon.settings["addresses"] = {"pool": ["127.0.9.7/32"]}
    daemon.settings["clientTraffic"] = {"path": {"disableMergeSlashes": True}}
    daemon.write_settings()
    assert len(reload(daemon)["settings_changed"]) == 2
    wait_for(lambda: has("127.0.9.7"), "the Gateway's own address")
    assert not has("merge_slashes")
    daemon.settings["addresses"]["pool"] = ["127.0.9.0/24"]
    daemon.write_settings()
    reload(daemon)
    assert has("127.0.9.7")
    daemon.settings["addresses"]["pool"] = ["127.0.8.7/32"]
    daemon.write_settings()
    reload(daemon)
    wait_for(lambda: has("127.0.8.7"), "an address of the new pool")


TICKET = "apiVersion: shop.test/v1\nkind: Ticket\nmetadata: {name: ticket}\nspec: {seat: 1}\n"


def test_kinds_of_an_extension_come_and_go_with_it(daemon: RedirectedDaemon, workspace: Workspace) -> None:
    """Its objects are read from files that nobody touched; what is refused meanwhile stays in force."""
    workspace.write("ticket.yaml", TICKET)
    daemon.settings["sources"]["files"]["removalDelay"] = "0s"
    daemon.write_settings()
    daemon.start()
    workspace.write("a.yaml", "kind: [")
    wait_for(lambda: "a.yaml:1: " in str(troubles(daemon)), "the mistake to be read")

    def tickets() -> int:
        items = daemon.api("objects")["items"]
        return sum(item["kind"] == "Ticket" for item in items)

    assert tickets() == 0
    daemon.settings["extensionManagers"] = [
        {
            "name": "seats",
            "hooks": {"xdsTranslator": {"post": ["Route"]}},
            "service": {"ip": {"address": "127.0.0.1", "port": free_port()}},
            "resources": [{"group": "shop.test", "version": "v1", "kind": "Ticket"}],
        }
    ]
    daemon.write_settings()
    assert reload(daemon)["objects"] == ["Ticket default/ticket"]
    assert (tickets(), routes(daemon)) == (1, {"a"})
    del daemon.settings["extensionManagers"]
    daemon.write_settings()
    assert reload(daemon)["objects"] == ["Ticket default/ticket"]
    assert (tickets(), routes(daemon)) == (0, {"a"})


def test_names_of_the_admin_port(daemon: RedirectedDaemon) -> None:
    """Who is listed is answered from then on, and who is not any more is not."""
    daemon.start()
    port = int(daemon.settings["admin"]["address"].rpartition(":")[2])

    def answer() -> int:
        return http_get(port, "egxds.example", "/api/v1/status").status

    assert answer() == 403
    daemon.settings["admin"]["allowedHosts"] = ["egxds.example"]
    daemon.write_settings()
    assert reload(daemon)["settings_changed"] == ["admin.allowedHosts: [] → [egxds.example]"]
    assert answer() == 200
    del daemon.settings["admin"]["allowedHosts"]
    daemon.write_settings()
    reload(daemon)
    assert answer() == 403


def test_an_edit_that_nobody_has_read_is_told(daemon: RedirectedDaemon) -> None:
    """By `status`, /readyz and a metric, without a reload, and until the file says again what is in force."""
    daemon.settings["sources"]["files"]["pollInterval"] = "100ms"
    daemon.write_settings()
    daemon.start()
    whole = daemon.settings_path.read_text()
    daemon.settings["logging"]["level"] = "info"
    daemon.settings["stateDir"] = "state"
    daemon.write_settings()
    # A look may come while it is written.
    told = [
        f"{daemon.settings_path}:0: logging.level: debug → info is not in force: a reload (SIGHUP) takes it",
        f"{daemon.settings_path}:0: stateDir: none → state needs a restart: it is read once, before anything is served",
    ]
    wait_for(lambda: troubles(daemon) == told, "the edit to be told")
    assert daemon.metric("egxds_settings_not_in_force") == 1
    daemon.settings_path.write_text("sources: []")
    wait_for(lambda: "sources: must be a mapping" in str(troubles(daemon)), "the mistake to be told")
    assert daemon.events("settings.refused") == []
    daemon.settings_path.write_text(whole)
    wait_for(lambda: daemon.admin("/readyz").text == "ok\n", "the file to say what is in force")
    assert daemon.metric("egxds_settings_not_in_force") == 0
    assert daemon.metric("egxds_settings_reloads_total") == 0


def test_a_path_that_is_misspelt_takes_nothing_out_of_force(daemon: RedirectedDaemon) -> None:
    """What is served would be gone a second later."""
    daemon.start()
    daemon.settings["sources"]["files"]["paths"] = ["routse"]
    daemon.write_settings()
    assert reload(daemon)["settings"] == "refused"
    (said,) = daemon.events("settings.refused")
    fault = "sources.files.paths: there is no routse: make it, or name another"
    assert said["faults"] == [f"{daemon.settings_path}: error: {fault}"]
    assert routes(daemon) == {"a"}
