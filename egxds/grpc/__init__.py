"""gRPC messages as bytes, bounded before they are taken in: what client and server have in common. Cellar."""
