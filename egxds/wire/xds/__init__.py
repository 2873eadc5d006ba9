"""The services on the xDS port: ADS, health, client status."""
