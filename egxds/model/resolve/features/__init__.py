"""What policies ask of requests, feature by feature: a file each, and a row in `table`."""
