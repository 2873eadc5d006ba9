"""What a BackendTrafficPolicy comes to in Envoy, a file for each group of fields."""
