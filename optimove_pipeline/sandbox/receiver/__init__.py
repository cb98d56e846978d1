"""Optimove's side of a delivery: an SFTP server that files are sent to, and a reader that judges what arrived.

Start the server with ``server.running_receiver``; ask ``report.received`` what was accepted.
"""
