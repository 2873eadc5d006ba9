"""The command line: data on standard output, messages on standard error, exit 0 fine, 1 findings, 2 usage."""
