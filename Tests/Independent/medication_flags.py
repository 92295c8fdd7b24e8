"""The flags of the medication review that late entries raise, and those that hold at E."""

from local_days import DAY
from medication_lineages import HELD, OPEN, group_of
from regimens import (
    amount,
    daily_dose,
    interval_days,
    is_as_needed,
    is_single,
    lacks_dose_or_frequency,
    same_dose_and_frequency,
)
from substances import ANTIPSYCHOTIC, BENZODIAZEPINE, OPIOID, routes_fit, same_product


def late_entries(entries, originals):
    """The medication entries that were known more than 24 hours after they took effect.

    What counts is the original: a correction does not make its target late.
    """
    for entry in entries:
        is_medication = entry.type == "medication_adjusted" or (
            entry.type == "admitted" and entry.data.get("medications")
        )
        original = originals[entry.event_id]
        if is_medication and original.known_at("source") - original.occurred_at > DAY:
            yield "late_entry", [entry.event_id]


def connected(items, linked):
    """The groups of two or more items that are linked with each other, directly or not."""
    groups = []
    for item in items:
        near, apart = [item], []
        for group in groups:
            if any(linked(item, other) for other in group):
                near = group + near
            else:
                apart.append(group)
        groups = apart + [near]
    return [group for group in groups if len(group) > 1]


def flagged(flag, lineages, event_ids=None):
    """A flag of lineages, by the events of their intervals in force unless others are given."""
    if event_ids is None:
        event_ids = [lineage.interval.event_id for lineage in lineages]
    names = sorted({lineage.medication["name"] for lineage in lineages})
    return {
        "flag": flag,
        "event_ids": sorted(set(event_ids)),
        "lineages": sorted({lineage.id for lineage in lineages}),
        "medications": names,
        "text": f"{flag}: {', '.join(names)}",
    }


def state_flags(reviews, client_episodes, formulary, days):
    """The flags at E of reviews that are told together, among all open episodes of the client."""
    active = [lineage for review in reviews for lineage in review.in_state(OPEN)]
    lasting = [lineage for lineage in active if not is_single(lineage.regimen)]

    duplicates = connected(lasting, lambda *pair: are_duplicates(*pair, formulary))
    found = [flagged("duplicate_active", group) for group in duplicates]
    for group in of_one_ingredient(lasting, formulary):
        if not any(set(map(id, group)) <= set(map(id, one)) for one in duplicates):
            found.append(
                flagged("same_ingredient", group) | {"total": total_a_day(group, formulary)}
            )
    found += stopped_still_listed(reviews, formulary, days)
    for review in reviews:
        found += not_reviewed(review)
        found += allergies(review, client_episodes, formulary)

    own = {lineage.id for lineage in active}
    everywhere = [
        lineage
        for review in client_episodes
        for lineage in review.in_state(OPEN)
        if not is_single(lineage.regimen)
        or review.effective_at - lineage.interval.start < DAY
    ]
    found += class_flags(everywhere, own, formulary)
    return found


def are_duplicates(one, other, formulary):
    """One substance in equal regimens, or one product whose regimens do not tell."""
    if not formulary.same_substance(
        one.medication, group_of(one), other.medication, group_of(other)
    ):
        return False
    regimens = one.regimen, other.regimen
    if not any(map(is_as_needed, regimens)) and same_dose_and_frequency(*regimens):
        return True
    codes_differ = any(
        code in one.medication
        and code in other.medication
        and one.medication[code] != other.medication[code]
        for code in ("rxcui", "ndc")
    )
    return (
        any(map(lacks_dose_or_frequency, regimens))
        and same_product(one.medication, other.medication)
        and not codes_differ
    )


def of_one_ingredient(lineages, formulary):
    """The groups of lineages that share an ingredient, by routes that fit; each group once."""
    by_ingredient = {}
    for lineage in lineages:
        for ingredient in formulary.substances(lineage.medication).names:
            by_ingredient.setdefault(ingredient, []).append(lineage)
    groups = {}
    for ingredient in sorted(by_ingredient):
        for group in connected(
            by_ingredient[ingredient], lambda *pair: routes_fit(*map(group_of, pair))
        ):
            groups.setdefault(frozenset(lineage.id for lineage in group), group)
    return list(groups.values())


def total_a_day(group, formulary):
    """(amount, unit) of all together, where the sets are equal and every part is known."""
    sets = {formulary.substances(lineage.medication) for lineage in group}
    doses = [daily_dose(lineage.regimen) for lineage in group]
    if len(sets) > 1 or None in doses:
        return None
    doses = [amount(*dose) for dose in doses]
    units = {unit for _, unit in doses}
    return None if len(units) > 1 else (float(sum(dose for dose, _ in doses)), units.pop())


def not_reviewed(review):
    """Of what is not one dose: no event for so many days, or for its interval if that is longer."""
    for lineage in review.in_state(OPEN) + review.in_state(HELD):
        time, event_id = lineage.events[-1]
        waits = max(review.not_reviewed_days, interval_days(lineage.regimen) or 0)
        if not is_single(lineage.regimen) and review.effective_at - time > waits * DAY:
            yield flagged("not_reviewed", [lineage], [event_id])


def stopped_still_listed(reviews, formulary, days):
    """A stop that leaves the same substance on the list: open since before it, or scheduled."""

    def same(stopped, other):
        return not is_single(other.regimen) and formulary.same_substance(
            stopped.medication, group_of(stopped), other.medication, group_of(other)
        )

    listed = [lineage for review in reviews for lineage in review.in_state(OPEN)]
    ahead = [
        (interval, review.lineage(interval.lineage))
        for review in reviews
        for interval in review.scheduled
        if interval.started_by == "start"
    ]
    positions = {
        entry.event_id: entry.position for review in reviews for entry in review.known_entries
    }
    stops = [pair for review in reviews if review.end is None for pair in review.courses.stopped]
    for stop, stopped in stops:
        if is_single(stopped.regimen):
            continue
        date = days.date_of(stop.time)
        still = [
            lineage
            for lineage in listed
            if lineage.id != stopped.id
            and days.date_of(lineage.events[-1][0]) < date  # so it has begun before
            and same(stopped, lineage)
        ]
        event_ids = [lineage.interval.event_id for lineage in still]
        for interval, lineage in ahead:
            if (
                lineage.id != stopped.id
                and positions[interval.event_id] < stop.position
                and same(stopped, interval)
            ):
                still.append(lineage)
                event_ids.append(interval.event_id)
        if still:
            yield flagged("stopped_still_listed", still, event_ids + [stop.event_id])


def allergies(review, client_episodes, formulary):
    """What an allergy of the client names, on the list or scheduled."""
    if review.end is not None:
        return
    listed = {}
    for lineage in review.in_state(OPEN) + review.in_state(HELD):
        listed.setdefault(lineage.id, []).append(
            (lineage.interval.event_id, lineage.medication, lineage)
        )
    for interval in review.scheduled:
        listed.setdefault(interval.lineage, []).append(
            (interval.event_id, interval.medication, review.lineage(interval.lineage))
        )
    named = [allergy for one in client_episodes for allergy in one.allergies]
    for entries in listed.values():
        events = set()
        for event_id, medication, lineage in entries:
            made_of = formulary.substances(medication).names
            admissions = {admission for admission, substances in named if substances & made_of}
            if admissions:
                events |= admissions | {event_id}
        if events:
            yield flagged("allergy_recorded", [lineage], events)


def class_flags(lineages, own, formulary):
    """Classes that must not meet unseen, where one of the lineages at least is the review's own."""

    def of_class(name):
        return [one for one in lineages if formulary.of_class(name, one.medication)]

    opioids, benzodiazepines = of_class(OPIOID), of_class(BENZODIAZEPINE)
    antipsychotics = of_class(ANTIPSYCHOTIC)
    ingredients = {
        ingredient
        for one in antipsychotics
        for ingredient in formulary.of_class(ANTIPSYCHOTIC, one.medication)
    }
    for flag, group, holds in (
        ("opioid_and_benzodiazepine", opioids + benzodiazepines, opioids and benzodiazepines),
        ("two_antipsychotics", antipsychotics, len(ingredients) > 1),
    ):
        if holds and any(lineage.id in own for lineage in group):
            yield flagged(flag, group)
