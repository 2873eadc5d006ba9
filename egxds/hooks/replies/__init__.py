"""One reply: read, checked, remembered. Pure."""
