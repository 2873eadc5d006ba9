"""What Envoy would refuse a message for, known before it is sent. Pure."""
