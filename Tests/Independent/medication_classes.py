"""Which medications are opioids, benzodiazepines and antipsychotics.

Benzodiazepines, antipsychotics and the medications for opioid use disorder come from the value sets
(a CSV of the VSAC expansions); opioid analgesics, which that file lacks, from a short list.

A medication belongs to a class by its `rxcui`, else by a whole word of its name that is an
ingredient of the class. An ingredient is known by the first word of its RxNorm name, which leaves
the salt out: "clorazepate dipotassium" is clorazepate, haloperidol and its decanoate are one.
Only an ingredient that some member of the set contains alone is one of the class: the sets also
list combinations such as "amitriptyline 12.5 MG / chlordiazepoxide 5 MG" and "fluoxetine 25 MG /
olanzapine 6 MG", which make neither amitriptyline a benzodiazepine nor fluoxetine an antipsychotic.
"""

import csv
import re

OPIOID = "opioid"
BENZODIAZEPINE = "benzodiazepine"
ANTIPSYCHOTIC = "antipsychotic"

VALUE_SETS = {
    "Schedule IV Benzodiazepines": BENZODIAZEPINE,
    "Potentially Harmful Antipsychotics for Older Adults": ANTIPSYCHOTIC,
    "Medications for Opioid Use Disorder (MOUD)": OPIOID,
}
OPIOIDS = (
    "alfentanil buprenorphine butorphanol codeine dihydrocodeine fentanyl hydrocodone "
    "hydromorphone levorphanol meperidine methadone morphine nalbuphine opium oxycodone "
    "oxymorphone pentazocine remifentanil sufentanil tapentadol tramadol"
).split()
# Antagonists: the set of medications for opioid use disorder has them, but they are no opioids.
ANTAGONISTS = {"naltrexone", "naloxone"}


def ingredients_of_display(display):
    """The ingredients that an RxNorm name of a clinical drug or pack names, each by one word.

    An ingredient begins at the first word in lower case: before it stand strengths and devices,
    as in "24 HR alprazolam 1 MG Extended Release Oral Tablet" and "Sensor aripiprazole 2 MG …".
    """
    drugs = re.findall(r"\(([^)]*)\)", display) if display.startswith("{") else [display]
    found = set()
    for drug in drugs:
        for component in drug.split(" / "):
            word = next((w for w in component.split() if re.fullmatch(r"[a-z][a-z-]+", w)), None)
            if word is not None:
                found.add(word)
    return found


class MedicationClasses:
    """The classes that one CSV of value sets (value_set, oid, …, rxcui, display) defines."""

    def __init__(self, rows):
        self._by_rxcui = {name: {} for name in VALUE_SETS.values()}
        self._words = {name: set() for name in VALUE_SETS.values()}
        self._words[OPIOID].update(OPIOIDS)
        for row in rows:
            name = VALUE_SETS.get(row["value_set"])
            if name is not None:
                self._add(name, row["rxcui"], ingredients_of_display(row["display"]))

    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8", newline="") as file:
            return cls(csv.DictReader(file))

    def _add(self, name, rxcui, ingredients):
        if name == OPIOID:
            ingredients = ingredients - ANTAGONISTS
            if not ingredients:
                return
        self._by_rxcui[name][rxcui] = ingredients
        if len(ingredients) == 1:
            self._words[name] |= ingredients

    def ingredients(self, name, medication):
        """The medication's ingredients of this class; none: it is not of this class."""
        by_code = self._by_rxcui[name].get(medication.get("rxcui"))
        if by_code is not None:
            return by_code & self._words[name] or by_code
        return set(re.findall(r"[^\W_]+", medication["name"].lower())) & self._words[name]

    def of(self, medication):
        """The names of the classes that the medication belongs to."""
        return [name for name in self._words if self.ingredients(name, medication)]
