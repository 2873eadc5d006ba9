"""What an Envoy resource is: its bytes, what it refers to, how it is shown, what Envoy would refuse. Cellar, pure."""
