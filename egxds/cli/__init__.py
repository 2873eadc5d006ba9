"""The command line: data on standard output, messages on standard error.

Exit statuses are those of `egxds.cli.output`: 0 fine, 1 findings, 2 usage, 3 daemon not reached.
"""
