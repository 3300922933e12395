"""What a decoder has to tell: events of the walk, of doors and of options, kept until somebody asks."""

from __future__ import annotations

from collections import Counter, deque

from ._state import Keeper
from .diagnosis import RECORDS_DROPPED
from .errors import DecodeError, Malformed, UnsupportedVersion
from .events import NOTES, Event, Note, event_of, refusal_of
from .limits import Limits
from .notices import notice

__all__ = ["Recorder"]


class Recorder(Keeper):
    """A Keeper that keeps events."""

    _limits: Limits
    _strict: bool  # as the Walker's

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._events_dropped = 0
        self._told: Counter[str] = Counter()

    def _report(self, notes: list[Note]) -> None:
        for note in notes:
            self._count(note)
            self._keep_event(event_of(note))

    def _refusal(self, reason: Note) -> DecodeError:
        return refusal_of(reason)

    def _count(self, note: Note) -> None:
        """Keep in mind what `diagnose` speaks of."""
        wording = NOTES[note[0]]
        self._told[wording.code] += 1
        if (wording.code, wording.severity, wording.detail) == ("output_dropped", "error", ("records",)):
            self._told[RECORDS_DROPPED] += note[4][0]

    def _tell(self, event: Event) -> None:
        self._told[event.code] += 1
        self._keep_event(event)

    def _keep_event(self, event: Event) -> None:
        if len(self._events) < self._limits.events:
            self._events.append(event)
        else:
            self._events_dropped += 1

    def _events_of_others(self) -> list[Event]:
        """Events that are kept elsewhere."""
        return []

    def events(self) -> list[Event]:
        """What happened since the last call, oldest first; `Limits.events` at most, and one that counts the rest."""
        told = [*self._events, *self._events_of_others()]
        self._events.clear()
        if self._events_dropped:
            told.append(
                Event(
                    code="limit_reached",
                    severity="warning",
                    message=f"{self._events_dropped} more events than Limits.events were dropped",
                    detail={"limit": self._limits.events, "dropped": self._events_dropped},
                )
            )
            self._events_dropped = 0
        return told

    # ── of doors ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _stream_broken(self, address: bytes | None, offset: int, version: int, length: int | None) -> None:
        error: type[DecodeError]
        if length is None:
            told, error = notice("version", address, offset=offset, version=version), UnsupportedVersion
        else:
            told, error = notice("length", address, offset=offset, length=length), Malformed
        if self._strict:
            raise error(f"{told.message} ({told.clause})", offset=offset, clause=told.clause)
        self._tell(told)

    def _stream_ended(self, address: bytes | None, offset: int, held: int, needed: int, dropped: int) -> None:
        if held:
            self._tell(notice("cut", address, offset=offset, octets=held, needed=needed))
        if dropped:
            self._tell(notice("unread", address, offset=offset, octets=dropped))

    def _session_ended(self, identity: bytes, address: bytes | None, sets: int, octets: int) -> None:
        if sets:
            self._tell(notice("session", address, sets=sets, octets=octets))

    def _nulls_skipped(self, payloads: int, exporters: int) -> None:
        self._tell(notice("nulls", payloads=payloads, exporters=exporters))

    def _tell_number(self, kind: int, n: int) -> None:
        """Tell of so many, about nobody in particular; `kind` as the walk notes it."""
        if n:
            self._report([(kind, None, None, None, (n, 0, 0), 0)])
