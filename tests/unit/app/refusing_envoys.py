"""A daemon's rooms in one thread, from files to Envoys that refuse what they are told to refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio

from egxds import names
from egxds.app.file_source import FileTrees
from egxds.app.pipeline import Build, Pipeline
from egxds.app.refused_edits import RefusedEdits, Wiring
from egxds.files.reading.content import Scan
from egxds.hooks.policy.taken_back import Nack
from egxds.hooks.run.runner import HookRunner
from egxds.incremental.revision import Revision
from egxds.inspect.refusals import RefusalBook, RefusedResource
from egxds.model.api.http_route import HTTP_ROUTE
from egxds.sessions.events import Node, Refusal, Request, Response
from egxds.sessions.open_streams import Client, Clients
from egxds.settings.daemon import Settings
from egxds.snapshot.store import SnapshotStore
from egxds.telemetry import Metrics
from tests.unit.model.texts import gateway

GATEWAY = "default/web"
Refuses = Callable[[bytes], str]
"""Takes the body of a resource, and returns what is said of one that is refused; nothing for one that is taken."""


def refusing(word: str, message: str = "it is not to my taste") -> Refuses:
    """Refuse every resource in which a word stands."""
    return lambda body: message if word.encode() in body else ""


class Envoy:
    """One stream of an Envoy that answers at once, unless it is told to be silent.

    Attributes:
        client: the stream.
        refuses: what it refuses.
        is_silent: whether it answers nothing.
        candidate: what it is served in place of what all others are; None where it is one of them.
        versions: type and name → version that it has taken.
    """

    def __init__(self, clients: Clients, node_id: str, refuses: Refuses, version: str) -> None:
        self.client: Client = clients.open("127.0.0.1:1", 0.0, None)
        self.client.gateways = (GATEWAY,)
        self.refuses, self.is_silent = refuses, False
        self.candidate: SnapshotStore | None = None
        self.versions: dict[tuple[str, str], str] = {}
        self._asked: set[tuple[str, str]] = set()
        node = Node(node_id, GATEWAY, "envoy", version)
        for type_url in (names.CLUSTER, names.LISTENER):
            self.client.session.receive(Request(type_url, node), 0.0)

    def answer(self, store: SnapshotStore, now_s: float) -> bool:
        """Take or refuse what there is; tell whether there was anything."""
        view = (self.candidate or store).view(GATEWAY)
        self.client.session.offer(view.snapshot if view is not None else None)
        response = self.client.session.next_response(now_s)
        if response is None:
            return False
        if not self.is_silent:
            self._answer(response, now_s)
        return True

    def _answer(self, response: Response, now_s: float) -> None:
        bad = [(one.name, said) for one in response.resources if (said := self.refuses(one.body))]
        if bad:
            message = "\n".join(f"Error adding/updating {name}: {said}" for name, said in bad)
            refusal = Refusal(13, message)
            self.client.session.receive(Request(response.type_url, nonce=response.nonce, refusal=refusal), now_s)
            return
        self.versions.update({(one.type_url, one.name): one.version for one in response.resources})
        self.client.session.receive(Request(response.type_url, nonce=response.nonce), now_s)
        for type_url, name in {child for one in response.resources for child in one.children} - self._asked:
            self._asked.add((type_url, name))
            self.client.session.receive(Request(type_url, subscribe=(name,)), now_s)


class RefusingHouse:
    """Files, and Envoys that are served what they come to.

    Attributes:
        edits: what is under test.
        build: what the files came to last.
        suspects: refusals that hooks are thought to be to blame for.
        passes: how often the files were looked at.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        settings = Settings.model_validate({"sources": {"files": {"paths": [str(directory)], "removalDelay": "0s"}}})
        self.pipeline = Pipeline(settings, FileTrees(settings, directory))
        self.store = SnapshotStore()
        self.build: Build | None = None
        self.suspects: set[str] = set()
        self.passes = 0
        self.now_s = 100.0
        self._book = RefusalBook()
        self._clients = Clients()
        self._envoys: list[Envoy] = []
        self._runner = HookRunner(settings.extensions, Metrics())
        self._is_due = False
        self.edits = RefusedEdits(
            Wiring(
                store=self.store,
                clients=lambda: self._clients,
                state=lambda: self.build.state if self.build else None,
                is_with_hooks=self._is_with_hooks,
                inputs=(self.pipeline,),
                look_again=self._look_again,
            )
        )
        self._book.subscribe(self.edits.refused)
        self.write("web.yaml", gateway())

    def write(self, name: str, text: str) -> None:
        """Write a file; it is read by `settle`, or `look`."""
        (self.directory / name).write_text(text)

    def connect(self, node_id: str = "one", refuses: Refuses = lambda _: "", version: str = "1.40.0") -> Envoy:
        """Connect an Envoy."""
        self._envoys.append(Envoy(self._clients, node_id, refuses, version))
        return self._envoys[-1]

    def connect_canary(self, candidate: SnapshotStore, refuses: Refuses = lambda _: "") -> Envoy:
        """Connect an Envoy that is served a candidate."""
        envoy = self.connect("canary", refuses)
        envoy.candidate, envoy.client.is_canary = candidate, True
        return envoy

    def disconnect(self, envoy: Envoy) -> None:
        """Have an Envoy leave."""
        self._envoys.remove(envoy)
        self._clients.close(envoy.client)
        self._book.update(envoy.client.stream, ())

    def look(self) -> None:
        """Read the files, and publish what they come to."""
        self.passes += 1
        self._is_due = False
        before, self.build = self.build, self.pipeline.run(Scan.ALL)
        now, was = self.build.translations, before.translations if before is not None else Revision()
        changed = [name for name in now.changed_since(was) if now.get(name) is not was.get(name)]
        self.edits.edits.edited(changed, before.state if before is not None else self.build.before, self.build.state)
        for name in changed:
            hooked = anyio.run(self._runner.run, now[name], None)
            last = self.store.snapshot(name)
            self.store.publish(hooked.gateway, hooked.class_name, hooked.resources)
            self.edits.edits.published(name, last, self.store.snapshot(name), hooked.outcome)
        self.store.mark_loaded()

    def serve(self) -> None:
        """Have Envoys answer until they have nothing more to say, and judge what they refuse once."""
        while sum(envoy.answer(self.store, self.now_s) for envoy in self._envoys):
            pass
        for envoy in self._envoys:
            refused = [
                RefusedResource(
                    envoy.client.session.node.id if envoy.client.session.node else "",
                    (GATEWAY,),
                    each.resource.type_url,
                    each.resource.name,
                    each.message,
                    each.resource.sources,
                    0.0,
                    each.resource.version,
                    envoy.client.is_canary,
                )
                for each in envoy.client.session.pending()
            ]
            self._book.update(envoy.client.stream, refused)
        self.edits._look(self.now_s)

    def settle(self, rounds: int = 30) -> None:
        """Read what was written, and go on until there is nothing more to do."""
        self.look()
        for _ in range(rounds):
            self.serve()
            self.now_s += 0.5
            if self._is_due:
                self.look()

    def hosts(self) -> dict[str, tuple[str, ...]]:
        """Return the hostnames of each route in force."""
        assert self.build is not None
        return {key.name: item.content.hostnames for key, item in self.build.state.of(HTTP_ROUTE).items()}

    def rolled_back(self) -> set[str]:
        """Return the names of what is rolled back."""
        assert self.build is not None
        return {key.name for key in self.build.state.rolled_back}

    def _look_again(self) -> None:
        self._is_due = True

    def _is_with_hooks(self, _gateway: str, nack: Nack) -> bool:
        return nack.name in self.suspects
