"""Documents to the objects in force. Pure."""
