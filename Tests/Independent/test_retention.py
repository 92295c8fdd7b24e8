"""Hand-made services with counted answers: retention by competing ends, Wilson's interval."""

import unittest
from datetime import date
from fractions import Fraction

import compare_retention
from retention import curve, retention, summed_up, survival, wilson


def services(*told):
    """(length, reason) of each service."""
    return [{"length": length, "reason": reason} for length, reason in told]


# The example of read-models.md: 14 services, two of which last after five days.
EXAMPLE = services(
    (3, "dropped_out"), (5, "completed"), (5, None), (5, None), (6, "completed"),
    *((20 + number, "completed") for number in range(9)),
)


class RetentionTest(unittest.TestCase):
    def test_the_example_that_is_worked_out_by_hand(self):
        days = curve(EXAMPLE)
        self.assertEqual([day["at_risk"] for day in days], [14, 14, 14, 13, 13, 10])
        self.assertEqual(days[2]["retained"], Fraction(13, 14))
        self.assertEqual(days[4]["retained"], Fraction(6, 7))
        self.assertEqual(days[5]["retained"], Fraction(27, 35))
        self.assertEqual(
            days[5]["ended_shares"],
            {"completed": Fraction(11, 70), "dropped_out": Fraction(1, 14)},
        )
        for day in curve(EXAMPLE, least=1):
            self.assertEqual(day["retained"], survival(EXAMPLE, day["day"]))
            self.assertEqual(day["retained"] + sum(day["ended_shares"].values()), 1)

    def test_nothing_is_told_of_fewer_than_ten(self):
        self.assertEqual(curve(EXAMPLE[:9]), [])

    def test_wilsons_interval_as_worked_out_with_the_other_form_of_the_formula(self):
        for number, total, low, high in (
            (24, 92, 0.1820, 0.3589), (0, 10, 0, 0.2775), (10, 10, 0.7225, 1),
        ):
            found = wilson(number, total)
            self.assertAlmostEqual(found[0], low, 4)
            self.assertAlmostEqual(found[1], high, 4)

    def test_of_nothing_there_is_nothing_to_tell(self):
        answer = retention({}, None, date(2024, 1, 1), date(2024, 1, 31), 0)
        self.assertEqual((answer["began"], answer["days"], answer["groups"]), (0, [], []))
        self.assertEqual(summed_up([])["low"], None)

    def test_a_difference_is_told(self):
        answer = retention({}, None, date(2024, 1, 1), date(2024, 1, 31), 0)
        other = answer | {"began": 1}
        self.assertEqual(list(compare_retention.differences([answer], [answer])), [])
        self.assertEqual(len(list(compare_retention.differences([answer], [other]))), 1)


if __name__ == "__main__":
    unittest.main()
