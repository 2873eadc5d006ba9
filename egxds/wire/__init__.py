"""Wire room: bytes of Envoys in and out, and the admin HTTP. The one room that listens."""
