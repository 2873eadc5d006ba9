"""ClientTrafficPolicy, as a user writes it: a file for each group of fields (Envoy Gateway v1.9)."""
