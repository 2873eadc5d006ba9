"""Log lines by name: what each says, how loud it is, and its fields. docs/reference/logs.md is drawn from this.

Every line has `event`, `level` and `timestamp` (UTC), and `exception` where there is a traceback. What comes from
outside is cut, and of many things the first are named: a field `more` then says how many there are beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of log line.

    Attributes:
        purpose: what has happened.
        levels: how loud it is; the first is the usual one.
        fields: names of its key-values, some of which may be missing.
    """

    purpose: str
    levels: tuple[str, ...]
    fields: tuple[str, ...] = ()


_STREAM = ("stream", "peer", "node", "repeated")
"""What a line of a stream says of it; `repeated` are lines of the kind that were left out before this one."""

_DEBUG, _INFO, _WARNING, _ERROR = ("debug",), ("info",), ("warning",), ("error",)

EVENTS: Mapping[str, Event] = {
    "app.envoy_bootstrap_refused": Event(
        "An EnvoyProxy asks for a bootstrap that cannot be; the usual one takes its place", _ERROR, ("error",)
    ),
    "app.envoy_draining": Event(
        "The Envoy of `egxds up` is to end, and its connections are given time", _INFO, ("least_s", "most_s")
    ),
    "app.envoy_not_drained": Event("The Envoy of `egxds up` ends without that", _WARNING, ("error",)),
    "app.envoy_starting": Event("`egxds up` starts its Envoy", _INFO, ("binary", "serves", "arguments")),
    "app.listening": Event("The ports are open", _INFO, ("xds", "admin", "extension", "tls")),
    "app.load_refused": Event("The files, or a change of them, need more memory than is allowed", _ERROR, ("error",)),
    "app.log_lines_lost": Event("Lines of this log could not be written", _WARNING, ("detail", "lines")),
    "app.events_failed": Event("A defect of egxds; what `egxds watch` and the status page are told has a gap", _ERROR),
    "app.notify_failed": Event("systemd could not be told something", _WARNING, ("message", "error")),
    "app.reload_failed": Event("A defect of egxds; what was published stays", _ERROR),
    "app.reloaded": Event(
        "What came of SIGHUP: what the files say otherwise than before, or that nothing is different; which settings "
        "are in force otherwise (`settings_changed`) and which would be after a restart",
        _INFO,
        (
            *("detail", "files_read", "objects", "files", "more", "result"),
            *("settings", "settings_changed", "needs_restart", "certificates", "asked_again"),
        ),
    ),
    "app.report_failed": Event("A defect of egxds; what people are told is that of before", _ERROR),
    "app.rollback_failed": Event("A defect of egxds; what an Envoy refuses stays in force and is tried again", _ERROR),
    "app.rolled_back": Event(
        "An Envoy refuses what edits made of objects, of which what it took last is in force",
        _WARNING,
        ("objects", "more", "error"),
    ),
    "app.rolled_back_tried": Event(
        "Objects that were rolled back are tried as they are written", _INFO, ("objects", "more")
    ),
    "app.started": Event("All has been read and published once", _INFO, ("gateways", "more", "extension", "hooks")),
    "app.stopped": Event("The end", _INFO, ("detail",)),
    "app.stopping": Event("A signal ends the process", _INFO, ("signal",)),
    "app.stuck": Event(
        "Something does not get on that must; systemd is not told that the daemon lives, and ends it",
        _ERROR,
        ("error",),
    ),
    "app.unexpected": Event("A defect of egxds ended a stream", _ERROR, ("stream",)),
    "canary.failed": Event(
        "A candidate cannot be served here, and its nodes are served what is in force; it says when it is tried again "
        "where there is no memory for it, and has a traceback where it is a defect of egxds",
        _ERROR,
        ("error",),
    ),
    "canary.not_allowed": Event(
        "A candidate is to be promoted or taken back, and the user of this replica may not write that; once for each",
        _ERROR,
        ("generation", "wanted", "error"),
    ),
    "canary.not_written": Event(
        "A candidate is to be promoted or taken back, which cannot be written, and is tried again",
        _WARNING,
        ("generation", "wanted", "error"),
    ),
    "canary.promoted": Event("This replica has promoted a candidate: it is in force for all", _INFO, ("generation",)),
    "canary.served": Event(
        "A candidate is served to canary nodes: a generation that comes to them before the others",
        _INFO,
        ("generation", "nodes", "more"),
    ),
    "canary.taken_back": Event(
        "This replica has taken a candidate back: what was in force before is so for canary nodes again",
        _WARNING,
        ("generation", "error"),
    ),
    "etcd.certificates_kept": Event("Certificates for etcd cannot be used; the old ones are", _ERROR, ("error",)),
    "etcd.certificates_loaded": Event("Certificates for etcd were read again", _INFO),
    "files.last_good_cut": Event(
        "The end of the last good input in stateDir was not whole", _WARNING, ("path", "bytes")
    ),
    "files.last_good_ignored": Event(
        "The last good input in stateDir cannot be used: a start has what can be read, and nothing else",
        _ERROR,
        ("path", "error", "advice"),
    ),
    "files.last_good_in_force": Event(
        "What some files said last stays in force, as they cannot be read or are not accepted; once until it is over",
        _WARNING,
        ("files", "more", "error"),
    ),
    "files.last_good_not_written": Event("The last good input cannot be kept in stateDir", _ERROR, ("path", "error")),
    "files.last_good_over": Event("All that is in force is what the files say", _INFO),
    "files.last_good_read": Event("The start goes on from the last good input in stateDir", _INFO, ("path", "files")),
    "files.last_good_written": Event("The last good input can be kept in stateDir again", _INFO, ("path",)),
    "files.watch_failed": Event("Changes of files are found by the poll alone", _WARNING, ("error",)),
    "files.watch_recovered": Event("Changes of files are told by the system again", _INFO),
    "history.cut": Event(
        "The end of the history in stateDir was not whole: what was kept last may be missing",
        _WARNING,
        ("path", "bytes"),
    ),
    "history.ignored": Event(
        "The history in stateDir cannot be used, and begins anew if it is damaged; "
        "what the files say is in force, unless `source.rolled_back` follows",
        _ERROR,
        ("path", "error"),
    ),
    "history.kept": Event("What is in force of the files is kept as a generation", _INFO, ("generation", "changes")),
    "history.not_written": Event("What is in force of the files cannot be kept in stateDir", _ERROR, ("path", "error")),
    "history.written": Event("It can be kept in stateDir again", _INFO, ("path",)),
    "fleet.agrees": Event("All replicas at a generation serve the same resources again", _INFO),
    "fleet.differs": Event(
        "Replicas serve different resources though the same generation is in force on them", _ERROR, ("error",)
    ),
    "fleet.failed": Event("A defect of egxds; what is told of this replica, and known of others, is old", _ERROR),
    "fleet.let_go": Event(
        "Envoys that have all that there is for them are let go, since other replicas have less; `of` are connected",
        _INFO,
        ("nodes", "more", "of"),
    ),
    "fleet.not_recorded": Event(
        "This replica cannot keep its record in the store, so that the others do not know of it; it serves on",
        _WARNING,
        ("error",),
    ),
    "fleet.recorded": Event("The record of this replica stands in the store again", _INFO),
    "hook.certificates_kept": Event(
        "Certificates for an extension cannot be used; the old ones are", _ERROR, ("manager", "error")
    ),
    "hook.certificates_loaded": Event("Certificates for an extension were read again", _INFO, ("manager",)),
    "hook.failed": Event(
        "Calls of a hook failed for a Gateway; once for each hook, reason and policy, until it works again",
        ("warning", "debug"),
        (
            *("gateway", "manager", "hook", "subject", "objects", "sources"),
            *("failures", "reason", "error", "policy"),
        ),
    ),
    "hook.hold_expired": Event("A Gateway was held for `holdFor`; it is denied from now on", _WARNING, ("gateway",)),
    "hook.load_failed": Event("Code of an extension does not load", _ERROR, ("manager", "error", "kept")),
    "hook.loaded": Event("Code of an extension was loaded", _INFO, ("manager", "target")),
    "hook.message": Event(
        "What code of an extension logs, at the level that it says",
        ("info", "debug", "warning", "error"),
        ("manager", "logger", "text", "traceback"),
    ),
    "hook.not_asked": Event("Something in the code of an extension is in vain", _WARNING, ("manager", "note")),
    "hook.output": Event("What code of an extension prints", ("info", "warning"), ("manager", "stream", "text")),
    "hook.output_lost": Event("An extension prints or logs too much", _WARNING, ("manager", "lines")),
    "hook.process_ended": Event("The process of an extension ended", _WARNING, ("manager", "error")),
    "hook.raised": Event("A hook in Python raised something", _WARNING, ("manager", "error", "traceback")),
    "hook.recovered": Event("An extension that failed works again", _INFO, ("manager",)),
    "hook.renewed": Event("An extension may be another one; everything is asked again", _INFO, ("manager",)),
    "hook.replies_not_shared": Event(
        "Replies of extension servers are not shared with other replicas any more; each asks by itself",
        _WARNING,
        ("error",),
    ),
    "hook.replies_shared": Event("Replies of extension servers are shared with other replicas", _INFO),
    "hook.sharing_failed": Event("A defect of egxds; replies are not shared with other replicas meanwhile", _ERROR),
    "hook.state_cut": Event("The end of a file in stateDir was not whole", _WARNING, ("path", "bytes")),
    "hook.state_ignored": Event("Something in stateDir cannot be used as a state", _ERROR, ("path", "error", "advice")),
    "hook.state_not_written": Event("A state cannot be kept in stateDir", _ERROR, ("gateway", "path", "error")),
    "hook.state_written": Event("A state can be kept in stateDir again", _INFO, ("gateway", "path")),
    "library.failed": Event("Nobody caught this", _ERROR, ("text",)),
    "library.message": Event("What a library logs", ("warning", "error"), ("library", "text", "place")),
    "model.problem": Event(
        "A problem of the input, once: an error or a warning", ("warning", "error"), ("place", "object", "problem")
    ),
    "model.solved": Event("A problem of the input is gone", _INFO, ("place", "object", "problem")),
    "session.ack": Event("An Envoy took a response", _DEBUG, (*_STREAM, "type", "nonce", "generation")),
    "session.changed_over": Event(
        "An Envoy is served a candidate from now on (`canary`), or the head again", _INFO, (*_STREAM, "canary")
    ),
    "session.close": Event("An Envoy's stream is over", _INFO, (*_STREAM, "status")),
    "session.last_lost": Event(
        "The last Envoy has gone: nobody is served until one comes", _WARNING, (*_STREAM, "status", "connected_s")
    ),
    "session.nack": Event(
        "An Envoy refuses something; once for each node, type and version",
        ("warning", "debug"),
        (*_STREAM, "type", "nonce", "generation", "names", "versions", "more", "sources", "error"),
    ),
    "session.nack_over": Event(
        "An Envoy does not refuse something any more", _INFO, (*_STREAM, "type", "name", "lasted_s")
    ),
    "session.node_unknown": Event(
        "`node.cluster` of an Envoy names nothing that there is",
        _WARNING,
        (*_STREAM, "cluster", "served", "gateways", "classes", "more"),
    ),
    "session.not_served": Event(
        "A client asks for what is not served",
        _WARNING,
        ("peer", "node", "cluster", "user_agent", "asked", "times", "advice"),
    ),
    "session.open": Event("An Envoy is connected", _INFO, (*_STREAM, "cluster", "user_agent")),
    "session.push": Event(
        "A response was sent; what was refused before is tried again at level debug",
        ("info", "debug"),
        (*_STREAM, "type", "nonce", "generation", "resources", "removed", "names", "size_bytes"),
    ),
    "session.refused": Event("A client broke the protocol, or takes nothing", _WARNING, (*_STREAM, "status", "error")),
    "session.unexpected_request": Event("A request that makes no sense", _INFO, (*_STREAM, "type", "detail")),
    "settings.refused": Event(
        "The settings file was read again and cannot be used; those of before stay in force, all of them",
        _ERROR,
        ("faults", "more"),
    ),
    "settings.note": Event("A key of the settings file means something else here", _WARNING, ("key", "note")),
    "source.candidate_refused": Event(
        "What some nodes are to be served before all others cannot be used, and they are served what all are",
        _ERROR,
        ("error",),
    ),
    "source.followed_anyway": Event(
        "Somebody has given their word that a store is followed though it has gone back in time", _WARNING, ("detail",)
    ),
    "source.found": Event("The store of published generations answers", _INFO, ("cluster",)),
    "source.gone_back": Event(
        "The store of published generations has gone back in time, or is another one; what is in force stays",
        _ERROR,
        ("error", "advice"),
    ),
    "source.in_force": Event("Another published generation is in force", _INFO, ("generation", "author", "message")),
    "source.lost": Event(
        "The store of published generations does not answer; what is in force stays", _WARNING, ("error",)
    ),
    "source.refused": Event(
        "What was published last cannot be used as a whole, and nothing of it is; what is in force stays",
        _ERROR,
        ("error",),
    ),
    "source.rollback_over": Event(
        "A file has changed: what the files say is in force again", _INFO, ("generation", "to")
    ),
    "source.rolled_back": Event(
        "An earlier generation is in force in the place of the files, as somebody wanted it, until one of them changes",
        _WARNING,
        ("generation", "to", "author", "message", "until"),
    ),
    "snapshot.published": Event(
        "A Gateway is published otherwise than before; a warning where it is not as its hooks would have it",
        ("info", "warning"),
        ("gateway", "generation", "outcome", "objects", "files", "more", "failing", "failures"),
    ),
    "snapshot.removed": Event(
        "A Gateway has gone; its Envoys are emptied", _INFO, ("gateway", "generation", "objects", "files", "more")
    ),
    "wire.accept_failed": Event("No connection can be accepted for a moment", _ERROR, ("error", "repeated")),
    "wire.address_open": Event("A port is open to more than this machine", _WARNING, ("setting", "address", "advice")),
    "wire.admin_request_refused": Event(
        "A request to the admin port was refused", _WARNING, ("peer", "limit", "repeated")
    ),
    "wire.certificates_kept": Event("Certificates cannot be used; the old ones are", _ERROR, ("error",)),
    "wire.certificates_loaded": Event("Certificates were read again", _INFO),
    "wire.client_refused": Event(
        "A client is not let in, or not served what it asks for",
        _WARNING,
        ("reason", "error", "repeated", "peer", "san", "node", "cluster", "detail"),
    ),
    "wire.connection_ended": Event("A connection went over a limit", _WARNING, ("peer", "limit", "repeated")),
    "wire.stream_broken_off": Event("A stream went over a limit", _WARNING, ("peer", "limit", "repeated")),
    "wire.stream_refused": Event("A stream was refused because of a limit", _WARNING, ("peer", "limit", "repeated")),
}
