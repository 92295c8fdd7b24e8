"""What a medication is made of, and by which way it is taken (read-models, "Substances").

The names come from data/medication_names.csv, the classes from data/medication_classes.csv, and what
an RxNorm code stands for from data/rxnorm_value_sets.csv; all were published and are copied as they
are.
"""

import csv
import os
import re
from dataclasses import dataclass
from typing import FrozenSet

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
OPIOID, BENZODIAZEPINE, ANTIPSYCHOTIC = "opioid", "benzodiazepine", "antipsychotic"

# Words that may be joined to a name without being part of what the medication is made of.
UNITS = set(
    "mg mcg ug µg μg g gm gram grams kg ng ml l dl unit units iu meq mmol h hr hrs hour hours d day "
    "days week weeks month months min actuat actuation puff puffs dose doses percent".split()
)
FORMS = set(
    "tablet tablets tab tabs caplet capsule capsules cap caps film films strip solution soln sol "
    "suspension susp syrup elixir liquid concentrate drops drop powder granules sprinkle sprinkles "
    "lozenge troche gum injection injectable injector auto inj syringe vial ampule ampoule pen "
    "cartridge prefilled depot implant pump patch patches system cream ointment gel lotion spray "
    "inhaler aerosol neb nebulizer suppository enema kit pack odt er xr sr cr xl la ir dr ec xt cd "
    "hr hp release extended delayed immediate sustained controlled disintegrating chewable".split()
)
# A route of several words belongs to the first group that any of them names: "oral inhalation".
ROUTE_GROUPS = (
    ("oromucosal", "sublingual sl buccal oromucosal transmucosal"),
    ("injection", "injection injectable iv im sc sq subcut subq subcutaneous subcutaneously "
                  "intravenous intravenously intramuscular intramuscularly ivpca ivp ivpb infusion"),
    ("transdermal", "transdermal td patch"),
    ("inhaled", "inhaled inhalation ih inh neb nebulizer nebulized"),
    ("nasal", "nasal intranasal nas"),
    ("rectal", "rectal rectally pr"),
    ("topical", "topical topically tp top"),
    ("oral", "oral orally po mouth tube ng og peg gt gtube enteral nasogastric"),
)
ROUTES = {word for _, words in ROUTE_GROUPS for word in words.split()}
# Of form and name: the first line that has one of the words decides.
FORM_GROUPS = (
    ("transdermal", "patch patches transdermal"),
    ("oromucosal", "sublingual buccal sl"),
    ("inhaled", "inhaler inhalation inhaled neb nebulizer"),
    ("nasal", "nasal intranasal"),
    ("rectal", "suppository suppositories enema rectal"),
    ("oral", "tablet tablets tab tabs caplet caplets capsule capsules cap caps oral po syrup elixir "
             "odt chewable"),
    ("oromucosal", "film films strip strips lozenge lozenges"),
    ("injection", "injection injectable injector autoinjector syringe vial ampule depot cartridge "
                  "pen infusion intramuscular intravenous subcutaneous iv im sc"),
    ("topical", "cream ointment lotion gel topical"),
)


@dataclass(frozen=True)
class Substances:
    """The active ingredients that were recognized; `complete`: all there are."""

    names: FrozenSet[str]
    complete: bool


def words(text):
    """The words of a text, in lower case and without punctuation."""
    return re.findall(r"[^\W_]+", text.lower())


def normalized(text):
    """Lower case, white space collapsed."""
    return " ".join(text.lower().split())


def joins(gap):
    """Whether what stands between two words joins them: `/`, `+`, `&`, or a hyphen without space."""
    return re.search(r"[/+&]", gap) is not None or re.fullmatch(r"-+", gap) is not None


def says_nothing(word):
    """A number, unit, form or route."""
    return word[0].isdigit() or word in UNITS or word in FORMS or word in ROUTES


def route_group(medication, route=None):
    """How it is taken: a group, the words of a route that is in none, or None where unknown."""
    described = set(words(medication.get("form", "") + " " + medication["name"]))
    if described & {"patch", "patches"}:
        return "transdermal"
    if route is not None:
        return first_group(ROUTE_GROUPS, set(words(route)), normalized(route))
    return first_group(FORM_GROUPS, described, None)


def first_group(groups, said, otherwise):
    return next((group for group, named in groups if said & set(named.split())), otherwise)


def routes_fit(one, other):
    """Whether two route groups may be one; what is unknown fits any."""
    return one is None or other is None or one == other


def same_product(one, other):
    """An equal RxNorm code, or an equal name."""
    same_code = "rxcui" in one and one["rxcui"] == other.get("rxcui")
    return same_code or normalized(one["name"]) == normalized(other["name"])


class Formulary:
    """The published names, classes and codes."""

    def __init__(self, names, classes, displays):
        self._names = {tuple(words(name)): frozenset(made_of) for name, made_of in names.items()}
        self._longest = max(map(len, self._names))
        self._classes = classes
        self._displays = displays
        self._found = {}

    @classmethod
    def read(cls, value_sets=None):
        """From the files in data/; the codes from another file of value sets if one is named."""
        return cls(
            {row["name"]: row["ingredients"].split(" + ") for row in rows("medication_names.csv")},
            {row["ingredient"]: row["classes"].split() for row in rows("medication_classes.csv")},
            {row["rxcui"]: row["display"] for row in rows(value_sets or "rxnorm_value_sets.csv")},
        )

    def in_text(self, text):
        """What a text names."""
        if text not in self._found:
            self._found[text] = self._search(text)
        return self._found[text]

    def _search(self, text):
        tokens = list(re.finditer(r"[^\W_]+", text.lower()))
        spelled = [token.group() for token in tokens]
        found, known = set(), [says_nothing(word) for word in spelled]
        at = 0
        while at < len(spelled):
            length = next(
                (
                    size
                    for size in range(min(self._longest, len(spelled) - at), 0, -1)
                    if tuple(spelled[at:at + size]) in self._names
                ),
                0,
            )
            if length:
                found |= self._names[tuple(spelled[at:at + length])]
                known[at:at + length] = [True] * length
            at += max(length, 1)
        # Two words that say nothing of it may be joined: "(For PICC/Midline Insertions)".
        whole = all(
            known[index] == known[index + 1]
            for index in range(len(tokens) - 1)
            if joins(text[tokens[index].end():tokens[index + 1].start()])
        )
        return Substances(frozenset(found), whole and bool(found))

    def substances(self, medication):
        """Of its code where the value sets have it, else of its name."""
        return self.in_text(self._displays.get(medication.get("rxcui"), medication["name"]))

    def classes(self, medication):
        """The classes of all its substances."""
        made_of = self.substances(medication).names
        return {name for one in made_of for name in self._classes.get(one, ())}

    def of_class(self, name, medication):
        """Its substances of one class."""
        made_of = self.substances(medication).names
        return {one for one in made_of if name in self._classes.get(one, ())}

    def same_substance(self, one, its_group, other, other_group):
        """The same by substance and route; what is not wholly known only as its own product."""
        if not routes_fit(its_group, other_group):
            return False
        sets = self.substances(one), self.substances(other)
        if all(found.complete for found in sets):
            return sets[0].names == sets[1].names
        return same_product(one, other)


def rows(path):
    """The rows of a CSV file, of data/ unless the path says otherwise."""
    with open(os.path.join(DATA, path), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
