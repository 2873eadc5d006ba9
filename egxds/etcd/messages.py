"""Transactions as etcd's messages, and its replies as what was asked for. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from egxds.etcd.operations import (
    Delete,
    Form,
    Get,
    GetPrefix,
    KeyValue,
    Operation,
    Put,
    Transacted,
    Unchanged,
    WatchNews,
)
from egxds.generated import etcdserverpb as pb
from egxds.grpc.encoded_fields import MalformedMessageError


def txn_request(conditions: Sequence[Unchanged], operations: Sequence[Operation]) -> pb.TxnRequest:
    """Return the request that does several things at once, where all conditions hold."""
    return pb.TxnRequest(
        compare=[_compare(condition) for condition in conditions],
        success=[_request(operation) for operation in operations],
    )


def transacted(response: pb.TxnResponse, operations: Sequence[Operation]) -> Transacted:
    """Return what came of a transaction.

    Raises:
        MalformedMessageError: it is no answer to these operations.
    """
    header = header_of(response.header)
    if not response.succeeded:
        return Transacted(succeeded=False, revision=header.revision, cluster_id=header.cluster_id)
    if len(response.responses) != len(operations):
        raise MalformedMessageError(f"{len(operations)} operations have {len(response.responses)} answers")
    found = tuple(map(_found, operations, response.responses))
    return Transacted(succeeded=True, revision=header.revision, cluster_id=header.cluster_id, found=found)


def header_of(header: pb.ResponseHeader | None) -> pb.ResponseHeader:
    """Return the header of a reply.

    Raises:
        MalformedMessageError: it has none, or does not say which cluster answers.
    """
    if header is None or not header.cluster_id:
        raise MalformedMessageError("it does not say which cluster answers")
    return header


def news_of(events: Sequence[pb.Event]) -> WatchNews:
    """Return what some events tell; there is one at least.

    Raises:
        MalformedMessageError: one of them is about nothing.
    """
    changed = [(event.type, _key_value(event.kv)) for event in events if event.kv is not None]
    if len(changed) != len(events):
        raise MalformedMessageError("an event is about no key")
    put = tuple(each for kind, each in changed if kind != pb.EventEventType.DELETE)
    deleted = tuple(each.key for kind, each in changed if kind == pb.EventEventType.DELETE)
    return WatchNews(max(each.mod_revision for _, each in changed), put, deleted)


def _compare(condition: Unchanged) -> pb.Compare:
    return pb.Compare(
        result=pb.CompareCompareResult.EQUAL,
        target=pb.CompareCompareTarget.MOD,
        key=condition.key.encode(),
        mod_revision=condition.mod_revision,
    )


def _request(operation: Operation) -> pb.RequestOp:
    match operation:
        case Get(key):
            return pb.RequestOp(request_range=pb.RangeRequest(key=key.encode()))
        case GetPrefix(prefix, form, limit):
            first, end = range_of(prefix)
            asked = pb.RangeRequest(key=first, range_end=end, limit=limit, keys_only=form is Form.KEYS)
            return pb.RequestOp(request_range=asked)
        case Put(key, value, lease_id):
            return pb.RequestOp(request_put=pb.PutRequest(key=key.encode(), value=value, lease=lease_id))
        case Delete(key):
            return pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=key.encode()))


def range_of(prefix: str) -> tuple[bytes, bytes]:
    """Return the first key that starts so, and the first after it that does not, as etcd wants them."""
    if not prefix:
        return b"\0", b"\0"  # by which etcd means all
    first = prefix.encode()
    # UTF-8 has no byte after which there is none.
    return first, first[:-1] + bytes((first[-1] + 1,))


def _found(operation: Operation, response: pb.ResponseOp) -> tuple[KeyValue, ...]:
    match operation:
        case Get() | GetPrefix() if response.response_range is not None:
            return tuple(map(_key_value, response.response_range.kvs))
        case Put() if response.response_put is not None:
            return ()
        case Delete() if response.response_delete_range is not None:
            return ()
    raise MalformedMessageError("an operation has the answer to another one")


def _key_value(found: pb.KeyValue) -> KeyValue:
    # What is no text was put there by somebody else, and is looked for by nobody.
    return KeyValue(found.key.decode(errors="backslashreplace"), found.value, found.mod_revision)
