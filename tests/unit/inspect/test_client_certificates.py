"""When the certificates end that connected Envoys have shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egxds.inspect.client_certificates import ClientCertificates


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans())), st.integers(0, 4))
def test_the_first_to_end_come_first(steps: list[tuple[int, int, bool]], most: int) -> None:
    """Whatever streams came and went, it is known which of those that are open end first."""
    book = ClientCertificates()
    opened: dict[int, tuple[str, float]] = {}
    for stream, ends_s, is_open in steps:
        if stream in opened or not is_open:
            book.closed(stream)
            opened.pop(stream, None)
        if is_open:
            book.opened(stream, f"node-{stream}", float(ends_s))
            opened[stream] = (f"node-{stream}", float(ends_s))
    assert book.first(most) == tuple(sorted(opened.values(), key=lambda one: (one[1], one[0]))[:most])
