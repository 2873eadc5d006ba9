"""What ClientTrafficPolicies, and the settings below them, ask of listeners: a file for each group of fields."""
