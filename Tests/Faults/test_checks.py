"""The checks of the long run tell what they are for."""

import unittest

import checks


def event(position, version=None, episode="a"):
    return {
        "position": position, "version": version or position, "episode_id": episode,
        "event_id": f"event-{position}",
    }


def acknowledged(position, **changes):
    return {
        "what": "acknowledged", "event_id": f"event-{position}", "position": position,
        "episode": "a", "version": position, "told_version": position,
        "told_id": f"event-{position}", **changes,
    }


def got(*positions, **fields):
    return [
        {"position": position, "event_id": f"event-{position}", "message": f"m/event-{position}",
         "bucket": position % 2, **fields}
        for position in positions
    ]


EVENTS = [event(position) for position in (1, 2, 3, 4)]


class CheckTests(unittest.TestCase):
    def told(self, word, faults):
        self.assertTrue(any(word in fault for fault in faults), f"{word}: {faults}")

    def test_a_record_without_a_gap_is_right(self):
        self.assertEqual(checks.record("l", EVENTS), [])

    def test_a_gap_of_positions_or_versions_and_a_double_are_told(self):
        self.told("position 3", checks.record("l", [event(1), event(3, 2)]))
        self.told("version 3", checks.record("l", [event(1), event(2, 3)]))
        self.told("twice", checks.record("l", [event(1), {**event(2), "event_id": "event-1"}]))

    def test_what_was_acknowledged_is_there(self):
        entries = [acknowledged(position) for position in (1, 2, 3, 4)]
        self.assertEqual(checks.writers("l", EVENTS, entries), [])
        self.told("LOST", checks.writers("l", EVENTS[:3], entries))
        self.told("nobody", checks.writers("l", EVENTS, entries[1:]))
        self.told("told", checks.writers("l", EVENTS, entries[:3] + [{**acknowledged(4), "position": 5}]))
        self.told("another", checks.writers("l", EVENTS, entries[:3] + [{**acknowledged(4), "version": 5}]))

    def test_a_request_that_was_refused_or_never_settled_is_told(self):
        refused = acknowledged(1, what="refused", status=409, answer="conflict")
        self.told("refused", checks.writers("l", EVENTS[:1], [refused]))
        unsettled = acknowledged(1, what="unsettled", status=503)
        self.told("settled", checks.writers("l", EVENTS[:1], [unsettled]))

    def test_a_stream_has_every_event_once_and_in_order(self):
        self.assertEqual(checks.exactly_once("s", EVENTS, got(1, 2, 3, 4)), [])
        self.told("missed 1 [2]", checks.exactly_once("s", EVENTS, got(1, 3, 4)))
        self.told("doubled 1", checks.exactly_once("s", EVENTS, got(1, 2, 2, 3, 4)))
        self.told("in order False", checks.exactly_once("s", EVENTS, got(1, 3, 2, 4)))
        self.told("strange 1", checks.exactly_once("s", EVENTS[:3], got(1, 2, 3, 4)))

    def test_a_webhook_may_repeat_and_may_not_skip(self):
        self.assertEqual(checks.webhook("w", EVENTS, got(1, 2, 2, 3, 4)), [])
        self.told("skipped", checks.webhook("w", EVENTS, got(1, 3, 2, 4)))
        self.told("got 3 of 4", checks.webhook("w", EVENTS, got(1, 2, 3)))
        self.told("two ids", checks.webhook("w", EVENTS, got(1, 2, 3, 4) + got(4, message="m/x")))
        self.told("one id", checks.webhook("w", EVENTS[:2], got(1, 2, message="m/x")))
        self.told("another event", checks.webhook("w", EVENTS[:1], got(1, event_id="x")))

    def test_a_subscription_has_every_event_once_each_bucket_in_order(self):
        self.assertEqual(checks.subscription("c", EVENTS, got(2, 1, 4, 3)), [])
        self.told("late", checks.subscription("c", EVENTS, got(1, 4, 2, 3)))
        self.told("missed 1", checks.subscription("c", EVENTS, got(1, 2, 3)))
        self.told("doubled 1", checks.subscription("c", EVENTS, got(1, 2, 3, 4, 4)))

    def test_many_faults_are_counted(self):
        faults = checks.record("l", [event(position) for position in range(2, 22)])
        self.assertEqual(faults[-1], "… and 35 more")


if __name__ == "__main__":
    unittest.main()
