"""Tables of Apache Iceberg: each partition of a feed is one commit, whose snapshot is its receipt."""
