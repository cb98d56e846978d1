"""The benchmark suite: ``python -m benchmarks`` measures everything and writes ``benchmarks/RESULTS.md``.

Each figure is a ratio against a named baseline that is measured in the same run, on the same input, alternating with
the candidate, so that a busy machine slows both. Medians are shown where there are several rounds; CPU seconds stand
beside seconds because they depend less on what else the machine does; how much of the time a virtual machine's host
took for others is told with the machine. ``python -m benchmarks NAME …`` measures only some of the sections and
leaves the others on the page as they are:

========== ==========================================================================================
load       pages of 10,000 rows in landing → table in DuckDB, against dlt; memory at ten times the rows
answer     one answer of 300 MB parsed, against ``polars.read_json``
planning   calls of a day with and without planning, against asking every combination
budget     share of the allowed calls that 1, 4 and 8 processes use, against limiters of their own
day        seconds and CPU of a day of all reports, against Dagster's default executor
year       seconds and CPU of months of all reports in chunks, against a run a day and a process a step
packages   a validated day to CSV parts, against scripts with Python's gzip, ``polars.sink_csv`` and DuckDB COPY
validation 5 million rows by nine rules, against dataframely and Polars by hand; peak memory
serving    rows of NDJSON a second out of the API, against DuckDB and json.dumps behind the same server
databases  rows into PostgreSQL and MariaDB by key, against the bulk load of each, COPY and LOAD DATA
sftp       parts delivered over SFTP, against OpenSSH's ``sftp`` and, at a distance, Paramiko's ``put``
========== ==========================================================================================

What is measured runs in a process of its own, which imports first and then takes seconds, CPU seconds (its own and
its children's) and its peak of resident memory (Linux: ``VmHWM``).
"""
