"""HTTP filters by which policies are applied to requests: a file each, and a row in `table`."""
