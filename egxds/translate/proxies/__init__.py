"""What EnvoyProxies ask, as Envoy has it: a file for each feature, and a row in `table` for each place."""
