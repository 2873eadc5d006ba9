"""Extensions that are gRPC servers: connections, TLS, calls, health. Awaits.

Whether a hook fails is decided by its calls alone. What a server says of its health is shown, and its return to
SERVING is a reason to try again at once; nothing else follows from it, since a server may say anything while its calls
are answered, or not.
"""
