"""EnvoyPatchPolicies, applied to what a Gateway was translated to. Pure."""
