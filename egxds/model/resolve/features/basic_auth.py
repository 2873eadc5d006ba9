"""basicAuth: the names and passwords in a Secret, checked as Envoy would check them. Pure.

Envoy takes SHA-1 alone (`{SHA}`), and refuses a list in which a user is twice, a line has no colon, or a line ends in
a carriage return (seen with 1.40). Comments and empty lines are no users; they are left out, and so is what htpasswd
does not look at. Messages name lines, and neither users nor passwords.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field

from egxds.model.api.basic_auth import BasicAuth
from egxds.model.resolve.dependents import GrantsIn, Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.features.feature import Feature, FeatureContext
from egxds.model.resolve.references import resolve_secret, secret_target
from egxds.object_key import ObjectKey

USERS_ENTRY = ".htpasswd"
_SHA = "{SHA}"
_SHA1_BYTES = 20


@dataclass(frozen=True, slots=True)
class Logins:
    """Who may log in.

    Attributes:
        users: as htpasswd writes them, a line each.
    """

    users: str = field(repr=False)


def _queries(asked: BasicAuth, policy: ObjectKey) -> Iterator[Query]:
    target = secret_target(policy, asked.users)
    yield target
    if target.namespace != policy.namespace:
        yield GrantsIn(target.namespace)


def _resolve(asked: BasicAuth, context: FeatureContext) -> Logins | Fault:
    path = (*context.path, "users")
    secret = resolve_secret(context.policy, asked.users, path, context.index, Reason.INVALID)
    if isinstance(secret, Fault):
        return secret
    text = secret.content.data.get(USERS_ENTRY, b"")
    users = _read(text)
    if isinstance(users, str):
        return Fault(Reason.INVALID, f"{secret.key}: {users}", path)
    return Logins("\n".join(users)) if users else _nobody(secret.key, path)


def _nobody(secret: ObjectKey, path: tuple[str | int, ...]) -> Fault:
    message = f"{secret}: has no user under {USERS_ENTRY}; write them there with: htpasswd -ns NAME"
    return Fault(Reason.INVALID, message, path)


def _read(text: bytes) -> list[str] | str:
    """Return the lines of all users, or what is wrong with one of them."""
    try:
        lines = [line.strip() for line in text.decode().splitlines()]
    except UnicodeDecodeError:
        return f"{USERS_ENTRY} is no text in UTF-8"
    users: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        wrong = _fault(name, colon, password, users)
        if wrong:
            return f"line {number} of {USERS_ENTRY} {wrong}"
        users[name] = line
    return list(users.values())


def _fault(name: str, colon: str, password: str, users: dict[str, str]) -> str:
    """Say what is wrong with a line; empty where nothing is."""
    if not (name and colon and password):
        return "is no user: write NAME:{SHA}..., as does htpasswd -ns NAME"
    if not password.startswith(_SHA):
        return (
            "has a password in a form that Envoy does not take: it takes {SHA} alone; write it with htpasswd -ns NAME"
        )
    if not _is_sha1(password.removeprefix(_SHA)):
        return "has no SHA-1 in base64 behind {SHA}; write it with htpasswd -ns NAME"
    return "is for a user that a line before is for; delete one" if name in users else ""


def _is_sha1(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _SHA1_BYTES
    except binascii.Error:
        return False


BASIC_AUTH = Feature("basicAuth", "basic_auth", _resolve, _queries)
