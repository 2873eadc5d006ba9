"""What users wrote, and what of it is in force. Pure.

`parse` reads one document and knows of no other, `definitions` says which of several definitions of an object counts,
`store` what stays in force when a definition cannot be used. `state` is what comes out, `line_map` says where things
stand.
"""
