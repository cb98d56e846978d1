"""Shares as Snowflake keeps them: what our recorder knows of them, with the order that Snowflake demands.

The fake that runs the other statements knows no shares, so these rules are written down here from Snowflake's
documentation. They never met a Snowflake account.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Rows = list[dict[str, Any]]
Answer = Callable[[re.Match[str]], Rows]

REGION = "PUBLIC.AWS_EU_WEST_1"
_NAME = r'("[^"]+"|\w+)'
_PATH = rf"({_NAME}(?:\.{_NAME})*)"


class Refused(Exception):
    """Snowflake would refuse it: number and text of its error."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


@dataclass(slots=True)
class Share:
    """A share: its grants as (privilege, kind, name), and its accounts."""

    grants: list[tuple[str, str, str]] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    unrestricted: bool = False


@dataclass(slots=True)
class Shares:
    """All shares, listings and groups of an account, and which of its views are secure."""

    shares: dict[str, Share] = field(default_factory=dict)
    views: dict[str, bool] = field(default_factory=dict)
    reads: dict[str, set[str]] = field(default_factory=dict)
    listings: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    simulated: list[str] = field(default_factory=list)

    def answer(self, sql: str) -> Rows | None:
        """Return the rows of a statement about shares; None if it is of another kind. Raises ``Refused``."""
        for pattern, act in self._acts():
            if match := re.fullmatch(pattern, sql.strip().rstrip(";"), re.DOTALL):
                return act(match)
        return None

    def saw(self, sql: str) -> None:
        """Learn from a statement that was carried out elsewhere."""
        if match := re.match(rf"CREATE (OR REPLACE )?(SECURE )?VIEW {_PATH}(.*?)\bAS\b(.*)", sql, re.DOTALL):
            view = bare(match[3])
            self.views[view] = match[2] is not None
            self.reads[view] = {bare(path) for path, *_ in re.findall(rf"(?:FROM|JOIN) {_PATH}", match[7])}
            if match[1] and "COPY GRANTS" not in match[6]:
                for share in self.shares.values():
                    share.grants = [grant for grant in share.grants if grant[2] != view]

    def _acts(self) -> list[tuple[str, Answer]]:
        return [
            (rf"CREATE SHARE (IF NOT EXISTS )?{_NAME}", self._create),
            (rf"GRANT (\w+) ON (DATABASE|SCHEMA|VIEW|TABLE) {_PATH} TO SHARE {_NAME}", self._grant),
            (rf"ALTER SHARE {_NAME} ADD ACCOUNTS = ([\w., ]+?)( SHARE_RESTRICTIONS = FALSE)?", self._add),
            (rf"SHOW GRANTS TO SHARE {_NAME}", self._granted),
            (rf"SHOW GRANTS OF SHARE {_NAME}", self._accounts),
            (rf"DESC SHARE {_NAME}", self._content),
            (rf"CREATE EXTERNAL LISTING IF NOT EXISTS {_NAME} SHARE {_NAME} AS\n\$\$(.*)\$\$\nPUBLISH.*", self._list),
            (rf"ALTER LISTING {_NAME} AS\n\$\$(.*)\$\$", self._relist),
            (r"SHOW LISTINGS LIKE '(.*)'", lambda match: _named(self.listings)),
            (rf"CREATE REPLICATION GROUP IF NOT EXISTS {_NAME}\s(.*)", self._replicate),
            (r"SHOW REPLICATION GROUPS", lambda match: _named(self.groups)),
            (r"ALTER SESSION SET SIMULATED_DATA_SHARING_CONSUMER = '(.+)'", self._simulate),
            (r'SELECT CURRENT_REGION\(\) AS "REGION"', lambda match: [{"REGION": REGION}]),
            (rf"SHOW VIEWS IN SCHEMA {_PATH}", self._views),
        ]

    def _create(self, match: re.Match[str]) -> Rows:
        name = bare(match[2])
        if name in self.shares and not match[1]:
            raise Refused(2002, f"Object '{name}' already exists.")
        self.shares.setdefault(name, Share())
        return [{"status": f"Share {name} successfully created."}]

    def _grant(self, match: re.Match[str]) -> Rows:
        privilege, kind, name, share = match[1], match[2], bare(match[3]), self._share(match[match.lastindex or 0])
        database, _, schema = name.rpartition(".")[0].partition(".") if kind != "DATABASE" else ("", "", "")
        above = {
            "SCHEMA": [("USAGE", "DATABASE", name.partition(".")[0])],
            "VIEW": [("USAGE", "DATABASE", database), ("USAGE", "SCHEMA", f"{database}.{schema}")],
        }.get(kind, [])
        if kind == "VIEW":
            if not self.views.get(name):
                raise Refused(3001, f"Secure views only can be shared; {name} is none.")
            others = {path.partition(".")[0] for path in self.reads[name]} - {database}
            above += [("REFERENCE_USAGE", "DATABASE", other) for other in sorted(others)]
        elif kind == "TABLE":
            raise Refused(3001, "A table is not to be shared here.")
        for needed in above:
            if needed not in share.grants:
                raise Refused(
                    3001, f"Share lacks {needed[0]} on {needed[2]}, which comes before {privilege} on {name}."
                )
        if (privilege, kind, name) not in share.grants:
            share.grants.append((privilege, kind, name))
        return [{"status": "Statement executed successfully."}]

    def _add(self, match: re.Match[str]) -> Rows:
        share = self._share(match[1])
        if not any(privilege == "SELECT" for privilege, *_ in share.grants):
            raise Refused(3031, "Share grants nothing yet: no account can be added.")
        for account in match[2].split(", "):
            if account in share.accounts:
                raise Refused(3034, f"Account {account} is there already.")
            share.accounts.append(account)
        share.unrestricted |= match[3] is not None
        return [{"status": "Statement executed successfully."}]

    def _granted(self, match: re.Match[str]) -> Rows:
        grants = self._share(match[1]).grants
        return [
            {"privilege": privilege, "granted_on": kind, "name": name, "granted_to": "SHARE"}
            for privilege, kind, name in grants
        ]

    def _accounts(self, match: re.Match[str]) -> Rows:
        return [{"granted_to": "ACCOUNT", "grantee_name": account} for account in self._share(match[1]).accounts]

    def _content(self, match: re.Match[str]) -> Rows:
        return [{"kind": kind, "name": name} for _, kind, name in self._share(match[1]).grants]

    def _list(self, match: re.Match[str]) -> Rows:
        self._share(match[2])
        self.listings.setdefault(bare(match[1]), match[3])
        return [{"status": "Listing successfully created."}]

    def _relist(self, match: re.Match[str]) -> Rows:
        self.listings[bare(match[1])] = match[2]
        return [{"status": "Listing successfully updated."}]

    def _replicate(self, match: re.Match[str]) -> Rows:
        self.groups.setdefault(bare(match[1]), match[2])
        return [{"status": "Replication group created."}]

    def _simulate(self, match: re.Match[str]) -> Rows:
        self.simulated.append(match[1])
        return [{"status": "Statement executed successfully."}]

    def _views(self, match: re.Match[str]) -> Rows:
        schema = f"{bare(match[1])}."
        return [
            {"name": view.removeprefix(schema), "is_secure": str(secure).lower()}
            for view, secure in self.views.items()
            if view.startswith(schema)
        ]

    def _share(self, name: str) -> Share:
        if (share := self.shares.get(bare(name))) is None:
            raise Refused(2003, f"Share '{bare(name)}' does not exist or not authorized.")
        return share


def bare(name: str) -> str:
    """Return a name, or a path of names, as Snowflake keeps it."""
    return ".".join(quoted or plain.upper() for quoted, plain in re.findall(r'"([^"]+)"|(\w+)', name))


def _named(things: dict[str, str]) -> Rows:
    return [{"name": name} for name in things]
