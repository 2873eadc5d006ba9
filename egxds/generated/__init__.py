"""Messages of `protos`, as `make protos` generates them."""
