"""The xDS port: listening, TLS, connections."""
