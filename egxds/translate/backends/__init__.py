"""What the rules of routes send to: clusters and their endpoints. Pure."""
