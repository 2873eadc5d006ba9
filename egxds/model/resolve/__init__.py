"""Objects in force to Gateways: references followed, routes attached, policies found. Pure."""
