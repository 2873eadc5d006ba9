"""Files room: paths in, YAML documents with file and line out; nothing is parsed yet.

`watching` says when to look, `reading` looks, `documents` cuts text into documents. An event says where to look and
nothing else: what is there is found out by looking, so that one that is repeated or late does no harm, and one that is
lost is made up for by the poll.
"""
