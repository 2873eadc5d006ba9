"""Routes of every kind to Envoy's routes and virtual hosts. Pure."""
