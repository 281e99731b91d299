"""Read who may see and operate the dashboard, from the daemon's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from connector.errors import UserError

_NAME: Final = re.compile(r"[\w.@+-]{1,64}")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_MAKE_HASH: Final = (
    'make one with `python -c "import argon2, getpass; '
    'print(argon2.PasswordHasher().hash(getpass.getpass()))"`.'
)


class Role(StrEnum):
    """What a person may do: look, or look and act."""

    READ = "read"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person who logs in; the name "" stands for anybody with the shared password."""

    name: str
    role: Role
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardAccessSettings:
    """Who may see the dashboard.

    Callers from `proxies` are named by the header `proxy_header`; those among `operators` may act.
    `hosts` are names by which the dashboard is called, beside that of CONNECTOR_PUBLIC_URL.
    `is_loopback` says that only this machine can connect. `public_host` is the host of
    CONNECTOR_PUBLIC_URL, "" where it is not set; `is_public_tls` that it begins with https.
    """

    accounts: tuple[Account, ...] = ()
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    proxy_header: str = "X-Forwarded-User"
    operators: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    is_loopback: bool = True
    public_host: str = ""
    is_public_tls: bool = False

    @property
    def public_origin(self) -> str:
        """Return CONNECTOR_PUBLIC_URL as browsers name it as an origin, "" where it is not set."""
        scheme = "https" if self.is_public_tls else "http"
        return f"{scheme}://{self.public_host}" if self.public_host else ""

    def is_proxy(self, address: str) -> bool:
        """Return whether an address is one of the named proxies."""
        try:
            caller = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(caller, "ipv4_mapped", None) or caller
        return any(mapped in network for network in self.proxies)


def read_access(values: Mapping[str, str], *, host: str) -> DashboardAccessSettings:
    """Return who may see the dashboard; raise UserError naming the setting that is wrong."""
    public_url = urlsplit(values["CONNECTOR_PUBLIC_URL"])
    return DashboardAccessSettings(
        accounts=_accounts(values),
        proxies=_proxies(values["CONNECTOR_DASHBOARD_PROXY"]),
        proxy_header=_proxy_header(values["CONNECTOR_DASHBOARD_PROXY_HEADER"]),
        operators=frozenset(values["CONNECTOR_DASHBOARD_OPERATORS"].split()),
        hosts=frozenset(values["CONNECTOR_DASHBOARD_HOSTS"].lower().split()),
        is_loopback=_is_loopback(host),
        public_host=public_url.netloc.lower(),
        is_public_tls=public_url.scheme == "https",
    )


def _accounts(values: Mapping[str, str]) -> tuple[Account, ...]:
    accounts = [_account(text) for text in values["CONNECTOR_DASHBOARD_USERS"].split()]
    names = [account.name for account in accounts]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"CONNECTOR_DASHBOARD_USERS names {name} twice: name each person once.")
    if shared_hash := values["CONNECTOR_DASHBOARD_PASSWORD_HASH"]:
        _require_hash("CONNECTOR_DASHBOARD_PASSWORD_HASH", shared_hash)
        accounts.append(Account(name="", role=Role.READ, password_hash=shared_hash))
    return tuple(accounts)


def _account(text: str) -> Account:
    """Return one account; what stands in place of a hash is never repeated."""
    name, _, role_and_hash = text.partition(":")
    role, _, password_hash = role_and_hash.partition(":")
    if not _NAME.fullmatch(name) or role not in list(Role):
        raise UserError(
            "CONNECTOR_DASHBOARD_USERS: write each person as NAME:ROLE:HASH, separated by spaces "
            "or lines; ROLE is read or operate, HASH an argon2 hash."
        )
    _require_hash(f"CONNECTOR_DASHBOARD_USERS, of {name},", password_hash)
    return Account(name=name, role=Role(role), password_hash=password_hash)


def _require_hash(name: str, text: str) -> None:
    """Raise UserError where a text is no argon2 hash: a password in plain words, say."""
    if not text.startswith("$argon2"):
        raise UserError(f"{name} is no argon2 hash: {_MAKE_HASH}")


def _proxies(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(address) for address in text.split())
    except ValueError as error:
        raise UserError(
            f"CONNECTOR_DASHBOARD_PROXY: {error}. Write addresses or networks, separated by "
            "spaces, as 10.0.0.5 or 10.0.0.0/24."
        ) from error


def _proxy_header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise UserError(
            f"CONNECTOR_DASHBOARD_PROXY_HEADER is {text!r}: write the name of a header, as "
            "X-Forwarded-User."
        )
    return text


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
