"""A client of etcd: transactions, watches, leases."""
