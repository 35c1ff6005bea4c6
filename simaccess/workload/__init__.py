"""What consumers ask for: synthetic access patterns, packet captures and access logs."""
