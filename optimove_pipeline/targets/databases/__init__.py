"""Databases as targets: their tables for all dialects, and a module for each engine."""
