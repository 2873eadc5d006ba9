"""What EnvoyProxies ask of the Envoys of a Gateway: a file for each feature, and a row in `table`."""
