"""Every rule of the delta xDS checklist is held by a test, or decided against."""

from tests.transcripts.rules import BINDING, TABLE, decisions, holders, levels, render


def test_every_binding_rule_is_held_or_decided() -> None:
    """What a server must or should do has a test; what is not built has a reason."""
    known = holders().keys() | decisions().keys()
    assert [number for number, level in levels().items() if level in BINDING and number not in known] == []


def test_nothing_is_both_held_and_decided_against() -> None:
    """A reason not to build what is built is out of date."""
    assert sorted(holders().keys() & decisions().keys()) == []


def test_rules_are_numbered() -> None:
    """Levels are known for the 126 rules, and tests name no other."""
    assert list(levels()) == list(range(1, 127))
    assert holders().keys() | decisions().keys() <= levels().keys()


def test_table_is_as_the_tests_say() -> None:
    """RULES.md is what `python -m tests.transcripts.rules` writes."""
    assert TABLE.read_text(encoding="utf-8") == render(holders()), "write it: python -m tests.transcripts.rules"
