"""Files room: paths in, YAML documents with file and line out; nothing is parsed yet.

`watching` says when to look, `reading` looks, `documents` cuts text into documents. Events are not believed, they only
make us look: what is there is found out by looking, so that no event, however it is lost or repeated, can do harm.
"""
