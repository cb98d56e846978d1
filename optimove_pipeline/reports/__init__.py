"""The 27 reports: the catalogue, planning of calls, extraction."""
