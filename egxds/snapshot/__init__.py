"""Snapshot room: accepted resources in, immutable versioned snapshots out. Pure.

    resources of a Gateway ---> gateway (SnapshotBuilder) ---> Snapshot of it ---+---> store (View) ---> sessions
                                                                                 |
                                                   merge (ClassMerger) <---------'  of all Gateways of a class

One thing holds through the room: what did not change is the same object, a resource, the mapping of a type, a
snapshot, a view. A session tells with `is` that it has nothing to do, and a thousand streams share one copy of every
frame.
"""
