"""gRPC whose messages are looked at for size and form before they are believed, for clients and servers. Cellar."""
