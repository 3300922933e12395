"""Which platform and command an output is of: by the caller's word, or by what it looks like.

A row of `commands.tsv` is a command that shows neighbors: ntc-templates' names, the template, the
reader that has proved best on its samples, and a signature to tell it by, tried in the file's order.
`vocabulary.tsv` says which field each Value of a template is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from .records import Protocol
from .values import squash

__all__ = ["Command", "canonical_platform", "commands", "named", "platforms", "sniff", "vocabulary"]

SNIFFED_LINES = 60
SNIFFED = 4096


@dataclass(frozen=True, slots=True)
class Command:
    """A row of `commands.tsv`; `template` is None where ntc-templates has none."""

    platform: str
    command: str
    protocol: Protocol
    template: str | None
    reader: str
    signature: re.Pattern[str]


ALIASES = {
    "cisco_ios": "ios iosxe xe ciscoxe ciscoiosxe ciscoios iosl2 catalyst cat9k iosv ciscoiostelnet",
    "cisco_nxos": "nxos nxosssh nexus nxapi ciscons nxosnxapi cisconxos n9k",
    "cisco_xr": "iosxr xr ciscoiosxr iosxrnetconf ciscoxr",
    "arista_eos": "eos arista aristaeos veos",
    "juniper_junos": "junos juniper juniperjunos",
    "cisco_s300": "s300 s350 ciscos350 ciscosmb sg300 sg350",
    "aruba_aoscx": "aoscx arubaoscx aruba_os_cx hpecx arubacx aoscxaoscx",
    "hp_procurve": "procurve arubaos arubaosswitch aoss hpprocurve",
    "hp_comware": "comware h3c h3ccomware",
    "huawei_vrp": "huawei vrp vrpv8 huaweivrpv8 huaweismartax ce",
    "linux_lldpd": "lldpd lldpctl lldpcli linux cumulus cumuluslinux",
    "mikrotik_routeros": "mikrotik routeros ros",
    "paloalto_panos": "panos paloalto",
    "sonic": "sonic dellsonic edgecoresonic",
    "ipinfusion_ocnos": "ocnos ipinfusion",
    "alcatel_aos": "aos alcatelaos",
    "allied_telesis_awplus": "awplus alliedtelesis",
    "brocade_fastiron": "fastiron ruckusfastiron icx",
    "brocade_netiron": "netiron",
    "broadcom_icos": "icos",
    "ciena_saos": "saos ciena ciena6",
    "fortinet": "fortios fortigate fortiswitch fortinetfortios",
    "dell_os10": "os10 dellos10",
    "nokia_sros": "sros nokiasros timos",
    "extreme_exos": "exos extreme extremeexos",
}


@cache
def commands() -> tuple[Command, ...]:
    """Every row of `commands.tsv`."""
    rows = files(__package__).joinpath("commands.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return tuple(
        Command(platform, command, Protocol(protocol.upper()), None if template == "-" else template, reader,
                re.compile(signature))
        for platform, command, protocol, template, reader, signature in (row.split("\t") for row in rows)
    )  # fmt: skip


@cache
def vocabulary(template: str) -> dict[str, str]:
    """The field of each Value of a template; a Value that is not in it is `extra`."""
    rows = files(__package__).joinpath("vocabulary.tsv").read_text(encoding="utf-8").splitlines()[1:]
    fields: dict[str, str] = {}
    for of, values, field in (row.split("\t") for row in rows):
        if of in ("*", template):
            fields.update(dict.fromkeys(values.split(), field))
    return fields


@cache
def _aliases() -> dict[str, str]:
    named = {squash(platform): platform for platform in platforms()}
    for platform, others in ALIASES.items():
        named.update((squash(other), platform) for other in others.split())
    return named


def canonical_platform(name: str) -> str:
    """A platform by ntc-templates' name, whether Ansible, netmiko, NAPALM or people named it; others as they are.

    Examples
    --------
    >>> canonical_platform("cisco.ios.ios"), canonical_platform("nxos_ssh"), canonical_platform("vendor_os")
    ('cisco_ios', 'cisco_nxos', 'vendor_os')
    """
    for text in (name, name.rpartition(".")[2]):
        if found := _aliases().get(squash(text)):
            return found
    return name


def platforms() -> list[str]:
    """The platforms whose outputs are known by name, sorted.

    An output of another platform is read too, where its header or its keys are words that are known.

    Examples
    --------
    >>> "cisco_ios" in platforms(), len(platforms()) >= 20
    (True, True)
    """
    return sorted({row.platform for row in commands()})


def sniff(lines: Sequence[str], platform: str | None = None) -> Command | None:
    """The command that an output looks like, of this platform where one is given."""
    text = "\n".join(line for line in lines[:SNIFFED_LINES] if line)[:SNIFFED]
    return next(
        (row for row in commands() if platform in (None, row.platform) and row.signature.search(text)),
        None,
    )


def named(platform: str, command: str) -> Command | None:
    """The row that a caller's command names: word for word, or by protocol and whether it is detailed."""
    rows = [row for row in commands() if row.platform == platform]
    for row in rows:
        if row.command == command:
            return row

    def features(text: str) -> tuple[bool, bool]:
        text = text.lower()
        return bool(re.search(r"\b(?:cdp|isdp)", text)), bool(re.search(r"\bdet|verbose|\ball\b", text))

    return next((row for row in rows if features(row.command) == features(command)), None)
