"""Snowflake as a target: tables that nobody else sees, secure views of them, and a share of the views."""
