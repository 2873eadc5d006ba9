"""egxds: a control plane for Envoy without Kubernetes. Importing it does nothing."""

__version__ = "0.1.0"
