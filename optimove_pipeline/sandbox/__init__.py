"""A local Optimove: a server that speaks the API as documented, for a tenant that exists only as arithmetic.

Start it with ``process.running_sandbox`` (tests) or ``process.serve`` (the command line); ask
``truth.truth`` what a complete pull of a report must end with. Nothing here knows the rest of the project.
"""
