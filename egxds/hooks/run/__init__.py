"""Takes Gateways through their hooks, and makes the calls. Awaits and logs."""
