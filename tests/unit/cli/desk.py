"""Where tests publish from, with an etcd in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner, Result

from egxds.cli import published_store
from egxds.cli.application import application
from egxds.published.layout import Layout
from egxds.published.record import decoded_record
from tests.etcd_fake import FakeCluster, FakeEtcd
from tests.unit.cli.published_shop import write_published_shop

LAYOUT = Layout("/egxds/")
SETTINGS = "sources: {etcd: {endpoints: [ENDPOINT]MORE}}"


class Client(FakeEtcd):
    """A way to it that is closed in the end."""

    async def aclose(self) -> None:
        """Close nothing."""


class Desk:
    """Where somebody publishes from.

    Attributes:
        directory: where commands are run.
        cluster: the store.
        client: of the next command.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cluster = FakeCluster()
        self.client = Client(self.cluster)
        self.config = directory / "egxds.yaml"
        self.set_up()
        write_published_shop(directory / "config")

    def set_up(self, endpoint: str = "127.0.0.1:2379", more: str = "") -> None:
        self.config.write_text(SETTINGS.replace("ENDPOINT", f"'{endpoint}'").replace("MORE", more))

    def run(self, *words: str) -> Result:
        self.client = Client(self.cluster)
        return CliRunner().invoke(application, [*words, "-c", str(self.config)])

    def publish(self, *words: str) -> Result:
        done = self.run("publish", "config", *words)
        assert done.exit_code == 0, done.output
        return done

    def paths(self) -> list[str]:
        """Return which files are in force."""
        buckets = [each for key, each in self.cluster.keys.items() if key.startswith(LAYOUT.buckets)]
        wanted = set(decoded_record(self.cluster.keys[LAYOUT.head].value).buckets.values())
        lines = [each.value.decode() for each in buckets if each.key.rpartition("/")[2] in wanted]
        return sorted(line.split("\t")[0] for text in lines for line in text.splitlines())


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A directory with a shop in it, and nothing published."""
    monkeypatch.chdir(tmp_path)
    made = Desk(tmp_path)
    with mock.patch.object(published_store, "EtcdClient", side_effect=lambda *_: made.client):
        yield made
