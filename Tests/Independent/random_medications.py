"""Random payloads of medication changes: valid by events.md, and as awkward as that allows.

One `RandomMedications` belongs to one episode. It draws from a few courses (drugs with their
order ids), so that changes meet lineages by order id, by RxNorm concept, by name, several at once,
or none.
"""

# (rxcui, names): opioids, benzodiazepines, antipsychotics, others; of one drug the names differ in
# case, white space, salt or brand.
DRUGS = (
    ("1010604", ("buprenorphine 8 MG / naloxone 2 MG Sublingual Film", "Suboxone",
                 "buprenorphine-naloxone")),
    ("864706", ("methadone hydrochloride 10 MG Oral Tablet", "Methadone")),
    ("1049621", ("oxycodone hydrochloride 5 MG Oral Tablet", "OxyCODONE (Immediate Release)")),
    (None, ("tramadol", "TraMADol", " tramadol ")),
    ("308048", ("alprazolam 0.5 MG Oral Tablet", "Xanax", "ALPRAZolam")),
    ("197901", ("lorazepam 1 MG Oral Tablet", "LORazepam", "lorazepam")),
    ("197466", ("clorazepate dipotassium 7.5 MG Oral Tablet", "Tranxene", "clorazepate")),
    ("856769", ("amitriptyline hydrochloride 12.5 MG / chlordiazepoxide 5 MG Oral Tablet",
                "Limbitrol")),
    ("310672", ("haloperidol 5 MG Oral Tablet", "Haldol", "haloperidol")),
    ("859871", ("haloperidol decanoate 100 MG/ML Injectable Solution", "Haloperidol  Decanoate")),
    ("314154", ("olanzapine 10 MG Oral Tablet", "Zyprexa", "olanzapine")),
    ("403969", ("fluoxetine 25 MG / olanzapine 6 MG Oral Capsule", "Symbyax")),
    ("721791", ("24 HR quetiapine 200 MG Extended Release Oral Tablet", "Seroquel XR",
                "QUEtiapine Fumarate")),
    ("312941", ("sertraline 50 MG Oral Tablet", "sertraline", "Zoloft", "sertraline  ")),
    ("637213", ("naltrexone 380 MG Injection", "naltrexone")),
    (None, ("naloxone", "Naloxone Nasal Spray")),
    (None, ("apomorphine",)),
    (None, ("fluoxetine", "FLUoxetine")),
    (None, ("amitriptyline",)),
    (None, ("Vitamin D3", "vitamin\u00a0D3", "VITAMIN  D3")),
    ("858054", ("1 ML paliperidone palmitate 156 MG/ML Prefilled Syringe", "Invega Sustenna",
                "paliperidone")),
    (None, ("metoprolol-hydrochlorothiazide", "metoprolol", "Lopressor")),
    (None, ("Percocet 5-325", "oxycodone", "Tylenol", "OxyCODONE--Acetaminophen (5mg-325mg)")),
    (None, ("fentanyl 25 MCG/HR 72 HR Transdermal Patch", "Duragesic", "Fentanyl Patch")),
)
SEDATING = 8  # the first so many are opioids and benzodiazepines,
ANTIPSYCHOTICS_UNTIL = 13  # then come antipsychotics
CHANGES = (
    ("start",) * 9
    + ("increase", "decrease") * 2
    + ("change_frequency", "change_route", "switch", "switch")
    + ("hold",) * 3
    + ("resume",) * 3
    + ("stop",) * 3
    + ("unchanged",)
)
FREQUENCIES = (
    "daily", "daily", "twice a day", "every 8 hours", "in the morning", "in the evening", "QHS",
    "every 4 weeks", "once", "NOW X1", "ONCE MR1", "X1 PRN",
)
NEVER_WITH_REGIMEN = ("hold", "stop", "unchanged")
REGIMEN_OPTIONAL = ("start", "resume")
REASONS = (
    {"code": "lack-of-effect"},
    {"code": "side-effect", "text": "drowsy"},
    {"text": "as the client asked"},
    {},
)


class RandomMedications:
    """The medications of one random episode."""

    def __init__(self, generator, number):
        self.random = generator
        self.number = number
        # Often only drugs that must not be combined unseen.
        drugs = DRUGS[: generator.choice((len(DRUGS), SEDATING, ANTIPSYCHOTICS_UNTIL))]
        if len(drugs) == ANTIPSYCHOTICS_UNTIL:
            drugs = drugs[SEDATING:]
        self.courses = [
            (*generator.choice(drugs), f"o-{number}-{index}")
            for index in range(generator.choice((1, 2, 2, 3, 4)))
        ]
        if generator.random() < 0.3:
            self.courses.append((*self.courses[0][:2], f"o-{number}-b"))
        self.orders = 0

    def chance(self, probability):
        return self.random.random() < probability

    def medication(self):
        """One of the episode's drugs, named in one of the ways in which it may be."""
        rxcui, names, order = self.random.choice(self.courses)
        found = {"name": self.random.choice(names)}
        if rxcui is not None and self.chance(0.6):
            found["rxcui"] = rxcui
        shape = self.random.random()
        if shape < 0.55:
            found["order_id"] = order
        elif shape < 0.63:
            self.orders += 1
            found["order_id"] = f"n-{self.number}-{self.orders}"
        if self.chance(0.1):
            found["form"] = self.random.choice(("tablet", "capsule"))
        return found

    def regimen(self):
        """At least one field, often not all."""
        complete = self.chance(0.5)
        found = {}

        def maybe(probability, **fields):
            if complete or self.chance(probability):
                found.update(fields)

        maybe(0.6, dose=self.random.choice((0.1, 0.5, 2.5, 5, 10, 20, 50, 100)))
        maybe(0.7, unit=self.random.choice(("mg",) * 6 + ("MG", "g", "mcg", "µg", "mL", "mcg/h")))
        maybe(0.4, route=self.random.choice(("oral",) * 5 + ("PO", "SL", "sublingual", "IM", "TD")))
        maybe(0.4, frequency=self.random.choice(FREQUENCIES))
        maybe(0.5, times_per_day=self.random.choice((0.0357142857, 0.3, 0.5, 1, 1, 1, 2, 3, 4)))
        if self.chance(0.1):
            found["as_needed"] = self.chance(0.7)
        return found or {"route": "oral"}

    def other_name(self, name):
        """Another name of the drug, of the same brand or not, or the same."""
        names = [names for _, names in DRUGS if name in names]
        return self.random.choice(names[0]) if names else name

    def adjustment(self, change=None):
        """The payload of a medication_adjusted; of a random change unless one is named."""
        change = change or self.random.choice(CHANGES)
        found = {
            "medication": self.medication(),
            "change": change,
            "prescriber": self.random.choice(("prescriber-1", "prescriber-2")),
        }
        if change not in NEVER_WITH_REGIMEN:
            if change not in REGIMEN_OPTIONAL or self.chance(0.85 if change == "start" else 0.4):
                found["regimen"] = self.regimen()
                if change == "switch" or self.chance(0.15):
                    found["replaces"] = self.medication()
        if self.chance(0.6):
            found["reason"] = dict(self.random.choice(REASONS))
        return found

    def arriving(self):
        """The medications that a client arrives on."""
        found = []
        for _ in range(self.random.choice((0, 0, 1, 2, 3))):
            found.append({"medication": self.medication()})
            if self.chance(0.6):
                found[-1]["medication"].pop("order_id", None)
            if self.chance(0.8):
                found[-1]["regimen"] = self.regimen()
        return found
