"""Alerts: what a person should know of, kept in an outbox until each configured channel has taken it."""
