"""SQL Server as a target."""
