"""Real etcd processes on the loopback address, in a directory of the test."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from egxds.settings.etcd import EtcdSource
from tests.envoy.certificates import Authority
from tests.envoy.waiting import wait_for
from tests.halted import halt
from tests.ports import free_port

_START_LIMIT_S = 60.0
_END_LIMIT_S = 10.0
_MUCH = "x" * 1_000_000


class EtcdTlsFiles:
    """Certificates of a cluster and of a client of it, made on the spot.

    Attributes:
        authority: vouches for both.
        directory: where they are.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        self.authority = Authority()
        self.renew("server", self.authority)
        self.renew("client", self.authority)
        self.ca_file.write_text(self.authority.cert)

    @property
    def ca_file(self) -> Path:
        """The authority's certificate."""
        return self.directory / "ca.pem"

    def cert_file(self, who: str) -> Path:
        """The certificate of `server` or `client`."""
        return self.directory / f"{who}.pem"

    def key_file(self, who: str) -> Path:
        """The key of it."""
        return self.directory / f"{who}.key"

    def renew(self, who: str, authority: Authority) -> None:
        """Put another certificate in the place of one."""
        # With the user's name of etcd a certificate would pass for that user.
        pair = authority.issue(f"{who}.test", "127.0.0.1", "etcd.test")
        self.cert_file(who).write_text(pair.cert)
        self.key_file(who).write_text(pair.key)

    def of_server(self) -> tuple[str, ...]:
        """Arguments of etcd."""
        files = {"cert": self.cert_file("server"), "key": self.key_file("server"), "trusted-ca": self.ca_file}
        return (*(f"--{name}-file={path}" for name, path in files.items()), "--client-cert-auth")

    def of_client(self) -> tuple[str, ...]:
        """Arguments of etcdctl."""
        return (
            f"--cacert={self.ca_file}",
            f"--cert={self.cert_file('client')}",
            f"--key={self.key_file('client')}",
        )

    def settings(self) -> dict[str, Any]:
        """What the settings of egxds say of it."""
        return {
            "caFile": str(self.ca_file),
            "certFile": str(self.cert_file("client")),
            "keyFile": str(self.key_file("client")),
        }


@dataclass(frozen=True)
class Place:
    """Where a member runs.

    Attributes:
        address: of it, for clients and other members.
        entered_by: begins each command that is to run there.
    """

    address: str = "127.0.0.1"
    entered_by: tuple[str, ...] = ()


HERE = Place()


@dataclass
class EtcdMember:
    """One process, which may be ended and started again with its data.

    Attributes:
        name: of the member.
        directory: its data and its log are in there.
        arguments: of its command.
        place: where it runs.
        port: where clients connect.
        peer_port: where other members do.
    """

    name: str
    directory: Path
    arguments: tuple[str, ...]
    place: Place = HERE
    port: int = field(default_factory=free_port)
    peer_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def for_clients(self) -> str:
        """Where clients connect."""
        return f"{self.place.address}:{self.port}"

    @property
    def for_peers(self) -> str:
        """Where other members do."""
        return f"{self.place.address}:{self.peer_port}"

    @property
    def data(self) -> Path:
        """What it keeps."""
        return self.directory / f"{self.name}.etcd"

    def start(self) -> None:
        """Start it; it may take until the others are there."""
        with (self.directory / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen([*self.place.entered_by, *self.arguments], stdout=log, stderr=log)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Have it hang, its connections open."""
        assert self._process is not None
        halt(self._process.pid)

    def resume(self) -> None:
        """Have it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


class EtcdCluster:
    """One to three members.

    Attributes:
        members: of it.
        tls: its certificates; None where it speaks in the clear.
    """

    def __init__(
        self,
        directory: Path,
        size: int = 1,
        *,
        tls: EtcdTlsFiles | None = None,
        token: str = "egxds-test",
        options: Sequence[str] = (),
        places: Sequence[Place] = (),
    ) -> None:
        """Prepare; nothing is started.

        Args:
            directory: for data and logs.
            size: how many members.
            tls: its certificates.
            token: what the id of the cluster is made of, beside its ports.
            options: more arguments of each member.
            places: where each member runs, if not all do here.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.tls = tls
        self._token = token
        self._options = tuple(options)
        self._directory = directory
        self._user = ""
        self.members = [EtcdMember(f"m{at}", directory, (), place) for at, place in enumerate(places or (HERE,) * size)]
        for member in self.members:
            member.arguments = self._arguments(member)

    def start(self) -> EtcdCluster:
        """Start all members, and wait until they serve."""
        for member in self.members:
            member.start()
        self.wait_until_served()
        return self

    def close(self) -> None:
        """End all that runs."""
        for member in self.members:
            member.kill()

    def restart(self, member: EtcdMember) -> None:
        """End a member as an operator does, start it again, and wait until it serves."""
        member.stop()
        member.start()
        self.wait_until_served(member)

    def replace(self, member: EtcdMember) -> EtcdMember:
        """Have another member, with other ports and no data, in the place of one, which has ended; return it."""
        at = self.members.index(member)
        asked = self.members[at - 1]
        self.wait_until_served(asked)  # the one that has ended may have been the leader
        listed = self.ctl("member", "list", endpoint=asked).splitlines()
        member_id = next(line.split(", ")[0] for line in listed if f", {member.name}, " in line)
        self._reconfigure(asked, "remove", member_id)
        new = EtcdMember(f"{member.name}-new", self._directory, (), member.place)
        self._reconfigure(asked, "add", new.name, f"--peer-urls=http://{new.for_peers}")
        self.members[at] = new
        new.arguments = tuple(
            "--initial-cluster-state=existing" if "cluster-state" in each else each for each in self._arguments(new)
        )
        new.start()
        self.wait_until_served(new)
        return new

    def _reconfigure(self, asked: EtcdMember, *change: str) -> None:
        """Change who is a member, as soon as etcd takes the others for healthy: five seconds after they are."""
        wait_for(lambda: self.ctl("member", *change, endpoint=asked), f"{change} to be taken", _START_LIMIT_S)

    def wait_until_served(self, *members: EtcdMember) -> None:
        """Wait until some members, or all, take part in a majority."""
        for member in members or self.members:
            wait_for(lambda at=member: self._is_served(at), f"{member.name} to serve", _START_LIMIT_S)  # type: ignore[misc]

    def _is_served(self, member: EtcdMember) -> bool:
        try:
            self.ctl("get", "health", endpoint=member)
        except AssertionError as err:
            # Who may not look there was let in.
            return "permission denied" in str(err)
        return True

    def ctl(self, *arguments: str, endpoint: EtcdMember | None = None, typed: str | None = None) -> str:
        """Run etcdctl with the first member, or another one, and return what it prints; `typed` is its input."""
        member = endpoint or self.members[0]
        scheme = "https" if self.tls else "http"
        tls = self.tls.of_client() if self.tls else ()
        user = (f"--user={self._user}",) if self._user else ()
        command = ("etcdctl", f"--endpoints={scheme}://{member.for_clients}", *tls, *user, *arguments)
        done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False, timeout=_START_LIMIT_S)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def source(self, **more: Any) -> EtcdSource:
        """Return settings that lead to it; in the order of the members."""
        tls = {"tls": self.tls.settings()} if self.tls else {}
        endpoints = [member.for_clients for member in self.members]
        return EtcdSource.model_validate({"endpoints": endpoints, **tls, **more})

    def put(self, key: str, value: str) -> None:
        """Set a key, as somebody else."""
        self.ctl("put", key, value)

    def revision(self) -> int:
        """Return the revision of the last change."""
        return int(self.ctl("get", "none", "-w", "fields").split('"Revision" : ')[1].split()[0])

    def compact(self, revision: int) -> None:
        """Have it forget what was before."""
        self.ctl("compact", str(revision))

    def fill(self) -> None:
        """Use up its quota, which `options` have made small."""
        with suppress(AssertionError):
            while True:
                self.ctl("put", "/elsewhere", typed=_MUCH)
        assert "NOSPACE" in self.ctl("alarm", "list")

    def make_room(self) -> None:
        """Do what an operator does about a quota that is used up."""
        self.compact(self.revision())
        for member in self.members:
            self.ctl("defrag", endpoint=member)
        self.ctl("alarm", "disarm")

    def lose_all(self) -> None:
        """Have all members begin anew with nothing, as the cluster that they were."""
        for member in self.members:
            member.kill()
            shutil.rmtree(member.data)
        self.start()

    def enable_auth(self, password: str, **users: str) -> None:
        """Let nobody in without a password.

        Args:
            password: of root, as whom all else is done here.
            users: names and passwords of those who may do anything below `/egxds/`.
        """
        self.ctl("user", "add", f"root:{password}")
        self.ctl("user", "grant-role", "root", "root")
        self.ctl("role", "add", "egxds")
        self.ctl("role", "grant-permission", "--prefix=true", "egxds", "readwrite", "/egxds/")
        for user, own in users.items():
            self.ctl("user", "add", f"{user}:{own}")
            self.ctl("user", "grant-role", user, "egxds")
        self.ctl("auth", "enable")
        self._user = f"root:{password}"

    def change_password(self, user: str, password: str) -> None:
        """Give a user another password."""
        self.ctl("user", "passwd", user, "--interactive=false", typed=password)
        if self._user.startswith(f"{user}:"):
            self._user = f"{user}:{password}"

    def leader(self) -> EtcdMember:
        """Return the member that leads."""
        return wait_for(self._leader, "a leader", _START_LIMIT_S)

    def _leader(self) -> EtcdMember:
        for member in self.members:
            with suppress(AssertionError):
                if self.ctl("endpoint", "status", endpoint=member).split(", ")[4] == "true":
                    return member
        raise AssertionError("none says so")

    def backup(self) -> Path:
        """Write what it holds into a file, and return that."""
        path = self._directory / f"backup-{time.monotonic_ns()}.db"
        self.ctl("snapshot", "save", str(path))
        return path

    def restore(self, backup: Path, token: str | None = None) -> None:
        """Have all members begin anew with what a backup holds; another token makes another cluster of them."""
        self._token = token or self._token
        for member in self.members:
            member.kill()
            shutil.rmtree(member.data)
            member.arguments = self._arguments(member)
            at = (f"--name={member.name}", f"--data-dir={member.data}", *self._of_cluster(member))
            command = ("etcdctl", "snapshot", "restore", str(backup), *at)
            subprocess.run(command, check=True, capture_output=True, timeout=_START_LIMIT_S)
        self.start()

    def _arguments(self, member: EtcdMember) -> tuple[str, ...]:
        scheme = "https" if self.tls else "http"
        client, peer = f"{scheme}://{member.for_clients}", f"http://{member.for_peers}"
        return (
            "etcd",
            f"--name={member.name}",
            f"--data-dir={member.data}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            *self._of_cluster(member),
            "--initial-cluster-state=new",
            "--enable-grpc-gateway=false",
            "--logger=zap",
            *(self.tls.of_server() if self.tls else ()),
            *self._options,
        )

    def _of_cluster(self, member: EtcdMember) -> tuple[str, ...]:
        peers = ",".join(f"{each.name}=http://{each.for_peers}" for each in self.members)
        return (
            f"--initial-advertise-peer-urls=http://{member.for_peers}",
            f"--initial-cluster={peers}",
            f"--initial-cluster-token={self._token}",
        )
