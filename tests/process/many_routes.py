"""Little text that comes to much."""

from __future__ import annotations


def many_routes(count: int = 200) -> str:
    """Return routes of 5 kB that come to 2 MB each: each has 16 hostnames and 128 matches."""
    rule = "{matches: [%s], backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: echo}]}"
    matches = [", ".join(f"{{path: {{value: /{a}/{b}}}}}" for b in range(8)) for a in range(16)]
    rules = ", ".join(rule % one for one in matches)
    names = [", ".join(f"h{at}-{n}.test" for n in range(16)) for at in range(count)]
    head = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: many%d}\n"
    spec = "spec: {parentRefs: [{name: web}], hostnames: [%s], rules: [%s]}\n"
    return "---\n".join(head % at + spec % (hosts, rules) for at, hosts in enumerate(names))
