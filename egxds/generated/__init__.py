"""Messages and services of `protos`, as `make protos` generates them."""
