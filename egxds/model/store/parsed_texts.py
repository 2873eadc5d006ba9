"""What was parsed of each text, so that no text is parsed twice, wherever it stands. Pure; time is an argument."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from copy import copy
from itertools import takewhile

from egxds.model.store.documents import ParsedDocument


class ParsedTexts:
    """What was parsed of every text that stands somewhere, by digest, and the number of its other places, if any.

    A text that stands nowhere is kept for a while: routes whose file was empty for a moment are not parsed again.
    """

    def __init__(self, kept_s: float) -> None:
        """Know of no text.

        Args:
            kept_s: seconds for which a text that stands nowhere is kept.
        """
        self._kept_s = kept_s
        self._parsed: dict[str, ParsedDocument] = {}
        self._other_places: Counter[str] = Counter()
        self._unused_until: dict[str, float] = {}

    def keep_for(self, kept_s: float) -> None:
        """Keep texts that stand nowhere for another while, from now on."""
        self._kept_s = kept_s

    def copy(self) -> ParsedTexts:
        """Return another that knows the same."""
        other = copy(self)
        vars(other).update(
            _parsed=self._parsed.copy(),
            _other_places=self._other_places.copy(),
            _unused_until=self._unused_until.copy(),
        )
        return other

    def __contains__(self, digest: str) -> bool:
        return digest in self._parsed

    def take(self, digest: str, fresh: Mapping[str, ParsedDocument]) -> ParsedDocument:
        """Note one more place of a text, and return what was parsed of it.

        Args:
            digest: of the text.
            fresh: texts that were not known before.
        """
        if digest in self._unused_until:
            del self._unused_until[digest]
        elif digest in self._parsed:
            self._other_places[digest] += 1
        else:
            self._parsed[digest] = fresh[digest]
        return self._parsed[digest]

    def drop(self, digest: str, now_s: float) -> ParsedDocument:
        """Note that one place of a text is gone, and return what was parsed of it."""
        if self._other_places[digest]:
            self._other_places[digest] -= 1
        else:
            del self._other_places[digest]
            self._unused_until[digest] = now_s + self._kept_s
        return self._parsed[digest]

    def forget_all(self) -> None:
        """Know of no text any more."""
        self._parsed.clear()
        self._other_places.clear()
        self._unused_until.clear()

    def forget_unused(self, now_s: float) -> None:
        """Forget texts that stand nowhere, and have not for long enough; the first are those that wait longest."""
        for digest in list(takewhile(lambda digest: self._unused_until[digest] <= now_s, self._unused_until)):
            del self._parsed[digest], self._unused_until[digest]
