"""Extensions that are gRPC servers: connections, TLS, calls, health. Awaits."""
