"""What a regimen says: units, frequencies, single doses, doses a day (read-models, "Regimens")."""

import re
from decimal import Decimal

from substances import normalized

SYNONYMS = {
    "µg": "mcg", "μg": "mcg", "ug": "mcg", "gm": "g", "units": "unit", "iu": "unit",
}
MILLIGRAMS = {"g": Decimal(1000), "mg": Decimal(1), "mcg": Decimal("0.001")}
ONCE = {"once", "one time", "x1", "1x", "single dose", "stat", "now", "now x1"}
TIMES_OF_DAY = {
    word: time
    for time, words in {
        "morning": "morning am qam breakfast",
        "noon": "noon midday lunch",
        "afternoon": "afternoon",
        "evening": "evening pm qpm dinner supper",
        "night": "night bedtime hs qhs",
    }.items()
    for word in words.split()
}
FREQUENCY = ("frequency", "times_per_day", "as_needed")


def exact(number):
    return Decimal(repr(number))


def unit_of(regimen):
    """The unit in its one spelling, or None."""
    unit = regimen.get("unit")
    if unit is None:
        return None
    unit = normalized(unit)
    return SYNONYMS.get(unit, unit)


def amount(dose, unit):
    """(number, unit) that are equal where two doses are: masses in mg."""
    return (dose * MILLIGRAMS[unit], "mg") if unit in MILLIGRAMS else (dose, unit)


def is_amount(unit):
    """Whether the unit counts something, and is neither a rate nor a concentration."""
    return unit is not None and not re.search(r"[/%]|\bper\b", unit)


def is_single(regimen):
    """Whether it is one dose: the whole frequency says so, PRN and repeats aside. A repeat alone is
    of one dose."""
    text = " ".join(re.findall(r"[^\W_]+", normalized((regimen or {}).get("frequency", ""))))
    text = re.sub(r"\b(as needed|prn)\b", "", text)
    text, repeats = re.subn(r"\bmr( ?x?\d+)?\b", "", text)
    return normalized(text) in ONCE or (repeats > 0 and not text.strip())


def is_as_needed(regimen):
    return bool((regimen or {}).get("as_needed"))


def daily_dose(regimen):
    """(dose x times per day, unit), exactly; None where that is not what anybody takes a day."""
    regimen = regimen or {}
    if "dose" not in regimen or regimen.get("times_per_day", 0) < 1:
        return None
    unit = unit_of(regimen)
    if is_as_needed(regimen) or is_single(regimen) or not is_amount(unit):
        return None
    return exact(regimen["dose"]) * exact(regimen["times_per_day"]), unit


def interval_days(regimen):
    """The days from one dose to the next where there are more than one, and whole ones."""
    times = (regimen or {}).get("times_per_day", 1)
    if times >= 1:
        return None
    between = 1 / exact(times)
    whole = round(between)
    return int(whole) if abs(between - whole) <= Decimal("0.02") * whole else None


def percent(before, after):
    """The change of the daily dose in percent, or None."""
    doses = daily_dose(before), daily_dose(after)
    if None in doses:
        return None
    (old, unit), (new, other) = (amount(*dose) for dose in doses)
    return None if unit != other or not old else (new - old) / old * 100


def carried_over(before, given):
    """The new regimen: what is given, and of the one before what was left out.

    Dose and unit travel together. So do the words of the frequency, the times a day and "as needed",
    unless only the words in force are said again.
    """
    if given is None:
        return before
    kept = dict(before or {})
    if "dose" in given or "unit" in given:
        kept.pop("dose", None)
        kept.pop("unit", None)
    repeats = "times_per_day" not in given and same_words(given, kept)
    if ("frequency" in given or "times_per_day" in given) and not repeats:
        for name in FREQUENCY:
            kept.pop(name, None)
    return kept | given


def same_words(one, other):
    """Whether both say the frequency in the same words."""
    return (
        "frequency" in one
        and "frequency" in other
        and normalized(one["frequency"]) == normalized(other["frequency"])
    )


def names_frequency_of(given, regimen):
    """Whether a change names the frequency of a regimen: in words where it has some, else times."""
    given, regimen = given or {}, regimen or {}
    if "frequency" in given:
        return same_words(given, regimen)
    return "times_per_day" in given and given["times_per_day"] == regimen.get("times_per_day")


def times_of_day(regimen):
    found = re.findall(r"[^\W_]+", normalized(regimen.get("frequency", "")))
    return {TIMES_OF_DAY[word] for word in found if word in TIMES_OF_DAY}


def lacks_dose_or_frequency(regimen):
    regimen = regimen or {}
    return "dose" not in regimen or not ("frequency" in regimen or "times_per_day" in regimen)


def same_dose_and_frequency(one, other):
    """Whether two scheduled regimens are equal in both, and not for different times of day."""
    one, other = one or {}, other or {}
    if lacks_dose_or_frequency(one) or lacks_dose_or_frequency(other):
        return False
    doses = [amount(exact(regimen["dose"]), unit_of(regimen)) for regimen in (one, other)]
    if doses[0] != doses[1]:
        return False
    if "times_per_day" in one and "times_per_day" in other:
        if one["times_per_day"] != other["times_per_day"]:
            return False
    elif not same_words(one, other):
        return False
    named = times_of_day(one), times_of_day(other)
    return not (all(named) and named[0] != named[1])
