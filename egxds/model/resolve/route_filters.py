"""What an HTTPRouteFilter comes to at a rule that names it: its references followed, its values checked. Pure.

No filter of a rule may be skipped (Gateway API, HTTPRouteFilter.type). So whatever of one cannot be done drops the
rule, which answers 500: what adds a credential, or answers in the place of a backend, may decide who gets through. The
conditions are Envoy Gateway's: a filter that is not there is a reference that leads nowhere; of one that is there,
whatever is wrong with it, or behind it, has the rule not accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from egxds.model.api.config_map import BODY_ENTRY, CONFIG_MAP, ConfigMapBody
from egxds.model.api.filters import HttpHeaderFilter
from egxds.model.api.http_route_filter import (
    HTTP_ROUTE_FILTER,
    CredentialInjection,
    DirectResponse,
    HttpRouteFilterSpec,
    ResponseBody,
    UrlRewrite,
)
from egxds.model.api.object import CORE_GROUP, ApiObject
from egxds.model.api.scalars import is_header_value
from egxds.model.api.validation import Path, path_text
from egxds.model.resolve.cookie_requests import Cookies
from egxds.model.resolve.dependents import GrantsIn, Query
from egxds.model.resolve.faults import Fault, Reason
from egxds.model.resolve.index import ObjectIndex
from egxds.model.resolve.references import kind_text, not_found, resolve_secret, secret_target
from egxds.object_key import ObjectKey

CREDENTIAL_ENTRY = "credential"
"""Where a Secret has the value of the header (Envoy Gateway, InjectedCredentialKey)."""

_SUCCESSES = range(200, 300)
CONSEQUENCE = "what it is for answers 500"

FilterObject = ApiObject[HttpRouteFilterSpec]


@dataclass(frozen=True, slots=True)
class FixedAnswer:
    """What answers requests in the place of a backend.

    Attributes:
        status: of the answer.
        body: of the answer, with Envoy's command operators; empty where there is none.
        content_type: of the body; empty for Envoy's own.
        headers: that it has.
    """

    status: int
    body: str = field(repr=False)
    content_type: str
    headers: HttpHeaderFilter


@dataclass(frozen=True, slots=True)
class Injection:
    """A credential that requests are given.

    Attributes:
        header: that has it.
        overwrites: whether it takes the place of one that is there.
        secret: where the credential is from.
        credential: the value of the header.
    """

    header: str
    overwrites: bool
    secret: ObjectKey
    credential: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """What one HTTPRouteFilter comes to.

    Attributes:
        key: the object.
        rewrite: how host and path change.
        answer: what answers requests.
        injection: what they are given.
        cookies: lists of which one must be there in full; where a pattern cannot be read, any value of that cookie.
        faults: what of it cannot be done.
    """

    key: ObjectKey
    rewrite: UrlRewrite | None = None
    answer: FixedAnswer | None = None
    injection: Injection | None = None
    cookies: tuple[Cookies, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class FilterPlace:
    """Where an HTTPRouteFilter is named.

    Attributes:
        path: of the filter that names it, in the route.
        needs_message: of the kind of the route.
        of_backend: whether it is a backendRef that names it, of which the requests have chosen it, and are sent to it.
    """

    path: Path
    needs_message: bool
    of_backend: bool = False


def is_filter_object(key: ObjectKey) -> bool:
    """Tell whether an ExtensionRef names an HTTPRouteFilter."""
    return key.group_kind == HTTP_ROUTE_FILTER.id


def filter_queries(target: ObjectKey, index: ObjectIndex) -> Iterator[Query]:
    """Yield what is asked to follow a reference to an HTTPRouteFilter, the object itself aside.

    It is asked anew when the object is another one: whoever refers to it asks for that, too.
    """
    found = index.state.of(HTTP_ROUTE_FILTER).get(target)
    if found is None:
        return
    spec = found.content
    body = spec.direct_response.body if spec.direct_response is not None else None
    if body is not None and body.value_ref is not None:
        yield CONFIG_MAP.key(target.namespace, body.value_ref.name)
    if spec.credential_injection is not None:
        secret = secret_target(target, spec.credential_injection.credential.value_ref)
        yield secret
        if secret.namespace != target.namespace:
            yield GrantsIn(secret.namespace)


def follow_filter(target: ObjectKey, place: FilterPlace, index: ObjectIndex) -> RuleFilter | Fault:
    """Follow a reference to an HTTPRouteFilter.

    Args:
        target: the object that is named.
        place: where.
        index: finds the objects.

    Returns:
        What it comes to; a fault where there is no such object.
    """
    found = index.state.of(HTTP_ROUTE_FILTER).get(target)
    if found is None:
        return not_found(Reason.UNSUPPORTED_VALUE, target, place.path)
    return _Following(found, place, index).follow()


@dataclass(frozen=True, slots=True)
class _Following:
    """The following of one object for one rule."""

    found: FilterObject
    place: FilterPlace
    index: ObjectIndex

    def follow(self) -> RuleFilter:
        """Return what the object comes to, and what of it cannot be done."""
        spec = self.found.content
        unservable = [self._fault(f"{path_text(('spec', *each.path))} {each.message}") for each in spec.unservable()]
        answer = self._answer(spec.direct_response) if spec.direct_response is not None else None
        injection = self._injection(spec.credential_injection) if spec.credential_injection is not None else None
        misplaced = self.place.of_backend and (spec.direct_response is not None or spec.matches)
        strange = (
            self._fault("of a backendRef only urlRewrite and credentialInjection can be done") if misplaced else None
        )
        faults = [each for each in (*unservable, strange, answer, injection) if isinstance(each, Fault)]
        return RuleFilter(
            key=self.found.key,
            rewrite=spec.url_rewrite,
            answer=answer if isinstance(answer, FixedAnswer) else None,
            injection=injection if isinstance(injection, Injection) else None,
            cookies=tuple(tuple(cookie.covered() for cookie in match.cookies) for match in spec.matches),
            faults=tuple(faults),
        )

    def _answer(self, asked: DirectResponse) -> FixedAnswer | Fault:
        if self.place.needs_message and asked.status_code in _SUCCESSES:
            return self._fault(
                f"directResponse has status {asked.status_code}, which is gRPC's OK, and that needs a message that no "
                "answer of a gateway has; take a status of 300 or more"
            )
        body = self._body(asked.body) if asked.body is not None else ""
        if isinstance(body, Fault):
            return body
        return FixedAnswer(asked.status_code, body, asked.content_type or "", asked.header)

    def _body(self, body: ResponseBody) -> str | Fault:
        ref = body.value_ref
        if ref is None:
            return body.inline or ""
        if (ref.group, ref.kind) != (CORE_GROUP, CONFIG_MAP.kind):
            return self._fault(f"a body is in a ConfigMap, not in a {kind_text(ref.group, ref.kind)}")
        target = CONFIG_MAP.key(self.found.key.namespace, ref.name)
        config_map = self.index.state.of(CONFIG_MAP).get(target)
        text = _body_in(config_map) if config_map is not None else None
        if text is None:
            return self._fault(
                f"there is no body of an answer in {target}: write it under {BODY_ENTRY}, or as all that is there"
            )
        return text

    def _injection(self, asked: CredentialInjection) -> Injection | Fault:
        ref = asked.credential.value_ref
        secret = resolve_secret(
            self.found.key, ref, self.place.path, self.index, Reason.UNSUPPORTED_VALUE, "a credential"
        )
        if isinstance(secret, Fault):
            return self._fault(secret.message)
        value = secret.content.data.get(CREDENTIAL_ENTRY, b"")
        if not value:
            return self._fault(f"{secret.key} has no {CREDENTIAL_ENTRY}; write the value of the header there")
        if not _is_credential(value):
            return self._fault(
                f"{CREDENTIAL_ENTRY} in {secret.key} is not the value of a header: it holds a line break, or another "
                "control character, or is no text; write it without"
            )
        return Injection(asked.header or "Authorization", asked.overwrite, secret.key, value)

    def _fault(self, message: str) -> Fault:
        return Fault(Reason.UNSUPPORTED_VALUE, f"{self.found.key}: {message} ({CONSEQUENCE})", self.place.path)


def _body_in(config_map: ApiObject[ConfigMapBody]) -> str | None:
    """Return the body that a ConfigMap has: of several values that under a name of its own."""
    values = config_map.content.data
    return values.get(BODY_ENTRY, next(iter(values.values())) if len(values) == 1 else None)


def _is_credential(value: bytes) -> bool:
    try:
        return is_header_value(value.decode())
    except UnicodeDecodeError:
        return False
