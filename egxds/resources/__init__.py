"""What an Envoy resource is: its bytes, what it refers to, how it is shown, what Envoy would refuse. Cellar, pure.

`walk` is the one way into a message: its fields, their lists and maps, and the payload of every `Any`. What is asked of
a message stands on it: its `canonical` bytes, its `references`, its `json`, and whether it is valid (`validation`).
"""
