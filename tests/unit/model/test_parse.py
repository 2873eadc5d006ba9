"""One document to the objects it holds."""

from __future__ import annotations

import json

import pytest

from egxds.model.api.core import ExtensionBody, SecretBody
from egxds.model.api.kinds import ExtensionKinds, KindTable
from egxds.model.store.parse import MAX_PROBLEMS
from egxds.problems import Location, Severity
from egxds.settings.extensions import GroupVersionKind
from tests.unit.model.parsed import accepted, errors, parse
from tests.unit.model.texts import gateway_class, gateway_object, namespace, route, service
from tests.unit.model.worlds import EXTENSION

TICKET = """\
apiVersion: shop.test/v1
kind: Ticket
metadata: {name: one, labels: {b: x, a: y}}
spec: {zone: 1, area: [ö]}
"""


@pytest.mark.parametrize("text", ["", "# only a comment\n", "null\n", "---\n"])
def test_a_document_without_content_holds_nothing(text: str) -> None:
    """Empty documents are common between separators, and mean nothing."""
    assert not parse(text).objects
    assert not errors(text)


def test_a_namespace_that_is_left_out_is_the_default_one() -> None:
    """Objects live in namespace `default` unless they say otherwise, or live in none."""
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {}\n"
    assert [str(item.key) for item in accepted(text)] == ["Service default/a"]
    assert accepted(text)[0].meta.namespace == "default"
    assert [str(item.key) for item in accepted(gateway_class())] == ["GatewayClass edge"]
    assert [str(item.key) for item in accepted(namespace("shop"))] == ["Namespace shop"]


def test_a_secret_with_numbers_as_keys_is_taken() -> None:
    """Keys are the text that is written, as they are for an API server."""
    (item,) = accepted("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {8080: plain}\n")
    assert isinstance(item.content, SecretBody)
    assert dict(item.content.data) == {"8080": b"plain"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: [", 1, "not valid YAML"),
        ("\n\na: 1\na: 2\n", 4, "the key stands here and on line 3"),
        ("just text", 1, "an object is a mapping with apiVersion, kind and metadata"),
        ("- a\n", 1, "an object is a mapping"),
        ("kind: Service\n", 1, "apiVersion missing"),
        ("{}", 1, "apiVersion and kind missing"),
        ("apiVersion: 1\nkind: Service\n", 1, "apiVersion missing, or not text"),
        ("apiVersion: v1\nkind: Service\n", 1, "metadata is missing"),
        ("apiVersion: v1\nkind: Service\nmetadata: x\nspec: {}\n", 3, "metadata: must be a mapping"),
        ("apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {}\n", 3, "metadata: name is missing"),
    ],
)
def test_an_object_that_cannot_be_known_is_refused_without_a_key(text: str, line: int, message: str) -> None:
    """What identifies no object is refused as it stands, with its line."""
    (refused,) = parse(text).refused
    assert refused.key is None
    assert any(message in problem.message and problem.location.line == line for problem in errors(text))


def test_lines_count_from_the_start_of_the_file() -> None:
    """A document in the middle of a file reports the file's lines, for YAML and for content."""
    for text, line in (("a: [", 40), ("just text", 40), (route(spec="hostnames: ['*']"), 45)):
        (problem,) = errors(text, 40)
        assert problem.location == Location("a.yaml", line)


def test_a_version_that_is_not_served_is_refused_by_name() -> None:
    """The versions that are served are named, and the object keeps its key."""
    text = route().replace("/v1", "/v1alpha2")
    (refused,) = parse(text).refused
    assert str(refused.key) == "HTTPRoute default/shop"
    assert refused.api_version == "gateway.networking.k8s.io/v1alpha2"
    (problem,) = refused.problems
    assert "write gateway.networking.k8s.io/v1 or gateway.networking.k8s.io/v1beta1" in problem.message


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_both_served_versions_are_the_same_object(version: str) -> None:
    """The version is no part of what identifies an object."""
    (item,) = accepted(route().replace("/v1", f"/{version}"))
    assert str(item.key) == "HTTPRoute default/shop"


@pytest.mark.parametrize(
    ("api_version", "kind", "hint"),
    [
        ("apps/v1", "Deployment", ""),
        ("gateway.networking.k8s.io/v1", "HttpRoute", "did you mean HTTPRoute of gateway.networking.k8s.io/v1?"),
        ("gateway.networking.k8s.io/v1", "MeshRoute", ""),
        (
            "gateway.networking.x-k8s.io/v1alpha1",
            "XListenerSet",
            "write ListenerSet of gateway.networking.k8s.io/v1, which came in its place",
        ),
        (
            "gateway.networking.k8s.io/v1alpha2",
            "ReferencePolicy",
            "write ReferenceGrant of gateway.networking.k8s.io/v1, which came in its place",
        ),
        ("networking.istio.io/v1", "Gateway", "did you mean Gateway of gateway.networking.k8s.io/v1?"),
        ("shop.test/v1", "Tickets", "did you mean Ticket of shop.test/v1?"),
    ],
)
def test_an_unknown_kind_is_passed_over(api_version: str, kind: str, hint: str) -> None:
    """Kinds that are not read are no fault; a kind that is near is named."""
    text = f"apiVersion: {api_version}\nkind: {kind}\n"
    (unknown,) = parse(text).unknown_kinds
    assert unknown.hint == hint
    assert not errors(text)


def test_unknown_fields_are_warnings_at_every_depth() -> None:
    """A misspelt field is named with its line and what may have been meant; the object is accepted."""
    text = gateway_object(
        "HTTPRoute",
        "shop",
        """
        parentRef: []
        rules:
        - backendRefs:
          - {name: app, port: 80, wieght: 3}
          colour: green
        """,
    )
    parsed = parse(text + "extra: 1\n")
    assert len(parsed.objects) == 1
    assert {problem.severity for problem in parsed.problems} == {Severity.WARNING}
    assert {(problem.line + 1, problem.message) for problem in parsed.problems} == {
        (5, "spec.parentRef: is not a field known here; did you mean parentRefs?"),
        (8, "spec.rules[0].backendRefs[0].wieght: is not a field known here; did you mean weight?"),
        (9, "spec.rules[0].colour: is not a field known here; it has no effect"),
        (10, "extra: is not a field known here; it has no effect"),
    }


def test_a_misspelt_field_is_named_even_where_it_is_missed() -> None:
    """The error for the missing field and the hint at the misspelt one come together."""
    (refused,) = parse(route(parents="[{nmae: web}]")).refused
    assert [problem.severity for problem in refused.problems] == [Severity.ERROR, Severity.ERROR]
    assert "did you mean name?" in refused.problems[1].message


def test_what_kubectl_adds_is_passed_over() -> None:
    """Status and the metadata that a cluster fills in are no unknown fields."""
    text = """\
apiVersion: v1
kind: Service
metadata:
  name: a
  creationTimestamp: "2026-01-31T12:00:00Z"
  generation: 7
  managedFields: [{manager: kubectl}]
  ownerReferences: []
  resourceVersion: "12"
  selfLink: /api
  uid: 0a
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
spec: {clusterIP: 10.0.0.1, ports: [{port: 80, nodePort: 30000}], selector: {a: b}}
status: {loadBalancer: {}}
"""
    assert not errors(text)
    assert accepted(text)[0].meta.creation_timestamp == "2026-01-31T12:00:00Z"


@pytest.mark.parametrize("time", ["yesterday", "2026-01-31", "2026-01-31T12:00:00"])
def test_a_creation_time_needs_date_time_and_zone(time: str) -> None:
    """What does not order against other times is refused."""
    (problem,) = errors(route(creationTimestamp=time))
    assert "metadata.creationTimestamp: is not a time" in problem.message


def test_a_field_without_a_value_counts_as_absent() -> None:
    """`hostnames:` with nothing behind it is what an API server drops."""
    text = route(spec="hostnames:\nrules:\n- {matches: null, timeouts: ~}", creationTimestamp=None)
    assert not errors(text)
    assert accepted(text)[0].content == accepted(route())[0].content


def test_a_spec_is_needed_where_a_kind_has_one() -> None:
    """An HTTPRoute without spec says nothing; a Namespace has none."""
    (problem,) = errors(route().partition("spec:")[0])
    assert "spec is missing" in problem.message
    assert not errors(namespace("a"))


def test_everything_wrong_is_said_at_once() -> None:
    """Faults in different places of one object are reported together, each at its line."""
    spec = """
    hostnames: a.test
    rules:
    - matches:
      - {method: get}
      - {path: {value: a}}
      timeouts: {request: soon}
    - backendRefs: [{name: "", port: "80"}]
    """
    lines = [problem.location.line for problem in errors(route(spec=spec))]
    assert sorted(lines) == [6, 9, 10, 11, 12, 12]


def test_the_number_of_problems_is_bounded() -> None:
    """A long list of equal faults is cut, and says so."""
    hostnames = [f"A{number}" for number in range(16)]
    spec = f"hostnames: {json.dumps(hostnames)}\nrules: {json.dumps([{'name': 'A'}] * 16)}"
    problems = errors(route(spec=spec))
    assert len(problems) == MAX_PROBLEMS + 1
    assert problems[-1].message == "and 12 more problems; correct those above first"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ("{name: Shop}", "metadata.name: is not a name"),
        ("{name: a, labels: {b: 1}}", "metadata.labels.b: must be text; put it in quotes"),
        ("{name: a, namespace: b.c}", "metadata.namespace: is not a name"),
        ("{name: a, labels: [b]}", "metadata.labels: must be a mapping"),
        ("{name: 7}", "metadata.name: must be text; put it in quotes"),
        (f"{{name: {'a' * 254}}}", "metadata.name: has 254 characters; at most 253 are allowed"),
    ],
)
def test_metadata_is_checked_for_every_kind(metadata: str, message: str) -> None:
    """Extensions' objects have names and labels, too."""
    for head, tail in (("v1", "Service"), ("shop.test/v1", "Ticket")):
        problems = errors(f"apiVersion: {head}\nkind: {tail}\nmetadata: {metadata}\nspec: {{}}\n")
        assert message in problems[0].message


def test_an_object_of_an_extension_stays_as_it_is() -> None:
    """It is handed on whole, as JSON with sorted keys and its namespace filled in; nothing in it is judged."""
    (item,) = accepted(TICKET)
    assert not errors(TICKET)
    assert isinstance(item.content, ExtensionBody)
    assert item.content.document.decode() == (
        '{"apiVersion":"shop.test/v1","kind":"Ticket","metadata":{"labels":{"a":"y","b":"x"},"name":"one",'
        '"namespace":"default"},"spec":{"area":["ö"],"zone":1}}'
    )


def test_an_extension_brings_no_kind_that_is_built_in() -> None:
    """A kind that is read anyway is checked as always; every version an extension names is read."""
    resources = [("shop.test", "v1", "Ticket"), ("shop.test", "v2", "Ticket"), ("", "v7", "Service")]
    brought = [GroupVersionKind(group=group, version=version, kind=kind) for group, version, kind in resources]
    kinds = KindTable.of([EXTENSION.model_copy(update={"resources": tuple(brought)}), EXTENSION])
    assert kinds.extension_kinds == ExtensionKinds(filters=frozenset({("shop.test", "Ticket")}))
    (service_kind, ticket_kind) = (kinds.find("", "Service"), kinds.find("shop.test", "Ticket"))
    assert service_kind is not None
    assert ticket_kind is not None
    assert service_kind.api_versions == ("v1",)
    assert ticket_kind.api_versions == ("shop.test/v1", "shop.test/v2")


def test_what_json_cannot_write_is_refused() -> None:
    """An extension gets JSON, which has no infinity."""
    (problem,) = errors(TICKET.replace("1,", ".inf,"))
    assert "a number that JSON cannot write" in problem.message


def test_what_an_object_says_is_equal_wherever_it_stands() -> None:
    """Layout, comments, order of keys and place are no part of what an object says."""
    (one,) = accepted("apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  type: NodePort\n  ports: []\n")
    (other,) = accepted(
        "# text\nkind: Service\napiVersion: v1\nspec: {ports: [], type: NodePort}\nmetadata: {name: a}\n"
    )
    assert one.says == other.says
    assert one.says != accepted(service("a"))[0].says
