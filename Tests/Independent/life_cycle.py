"""The life cycle of an episode (events.md, "What an append checks", step 4), told independently.

`verdict` says what an append must do with one more event: accept it, refuse it, or, where the
contract leaves the answer open, UNCLEAR. Generators write what is accepted and avoid the rest.
"""

from history import AMENDMENTS, ENDS, STEPS, Event, effective_history

ACCEPTED = "accepted"
REFUSED = "refused"
UNCLEAR = "unclear"


class EpisodeLifeCycle:
    """One episode as it stands: all its events, in the order they were appended."""

    def __init__(self):
        self.events = []
        self.entries = []

    def append(self, event: Event):
        """Adds an event whose verdict was ACCEPTED."""
        self.events.append(event)
        self.entries = effective_history(self.events)

    def verdict(self, event: Event):
        """What an append of this event must do now."""
        if not self.events:
            return ACCEPTED if event.type == "admitted" else REFUSED
        if event.type == "admitted" or not self.entries:
            return REFUSED
        if event.type in AMENDMENTS:
            return self._amendment(event)
        if self._is_out_of_order:
            return UNCLEAR
        if event.type in ENDS:
            return self._ending(event) if self.end is None else REFUSED
        if event.type in STEPS or event.type == "program_changed":
            return self._transfer(event)
        return ACCEPTED

    @property
    def admission(self):
        return next((entry for entry in self.entries if entry.type == "admitted"), None)

    @property
    def end(self):
        """The end in force."""
        return next((entry for entry in self.entries if entry.type in ENDS), None)

    @property
    def _is_out_of_order(self):
        """Corrections left an end before the admission: whether it is in force is not said."""
        if self.end is None:
            return False
        end, admission = self.end, self.admission
        return (end.time, end.position) < (admission.time, admission.position)

    def level_before(self, instant):
        """The level of care in force just before a new entry at this instant."""
        admission = self.admission
        level = admission.data["level_of_care"]
        for entry in self.entries:
            order = (entry.time, entry.position)
            if order < (admission.time, admission.position) or entry.time > instant:
                continue
            if entry.type in STEPS:
                level = entry.data["to_level"]
        return level

    def amendable(self):
        """The events that a correction or retraction may still target."""
        if self.admission is None:
            return []
        retracted = {
            event.data["target_event_id"]
            for event in self.events
            if event.type == "entry_retracted"
        }
        return [
            event
            for event in self.events
            if event.type not in AMENDMENTS and event.event_id not in retracted
        ]

    def _amendment(self, event):
        target = event.data["target_event_id"]
        return (
            ACCEPTED if any(one.event_id == target for one in self.amendable()) else REFUSED
        )

    def _ending(self, event):
        if event.occurred_at < self.admission.time:
            return REFUSED
        moves = STEPS + ("program_changed",)
        if any(entry.type in moves and entry.time >= event.occurred_at for entry in self.entries):
            return UNCLEAR  # a step would then lie at or after the end
        return ACCEPTED

    def _transfer(self, event):
        if event.occurred_at < self.admission.time:
            return REFUSED
        if self.end is not None and event.occurred_at >= self.end.time:
            return REFUSED
        if event.type in STEPS and event.data["from_level"] != self.level_before(
            event.occurred_at
        ):
            return REFUSED
        return ACCEPTED
