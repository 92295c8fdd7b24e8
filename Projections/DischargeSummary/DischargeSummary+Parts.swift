public import CareEpisode
public import ProjectionRuntime

extension DischargeSummary {
    /// One element under its path, such as `client/ended_at` or `medications/changed/<lineage>`.
    struct Part {
        let section: String
        let name: String
        /// What tells apart the elements of a list; nil for an element that stands alone.
        let key: String?
        let value: AnswerJSON
        let eventIDs: [EventID]

        var path: String { [section, name].joined(separator: "/") }
        var json: AnswerJSON {
            ["value": value, "event_ids": .array(eventIDs.map { .string($0.description) })]
        }

        init<Value>(
            _ section: String,
            _ name: String,
            _ element: Element<Value>,
            key: String? = nil,
            _ json: (Value) -> AnswerJSON
        ) {
            self.section = section
            self.name = name
            self.key = key
            value = element.value.map(json) ?? .null
            eventIDs = element.eventIDs
        }
    }

    /// The sections that are lists, each with its elements; they are written also where empty.
    private static let listNames: [(section: String, name: String)] =
        [
            "at_admission", "at_discharge", "continued", "changed", "new", "held", "stopped",
            "started_and_stopped",
        ].map { ("medications", $0) }
        + ["corrections", "late_entries"].map { ("amendments", $0) }

    /// Every element, in the order of the document.
    var parts: [Part] {
        clientParts + admissionParts + careParts + medicationParts + dischargeParts
            + authorshipParts + amendmentParts + completenessParts
    }

    private var clientParts: [Part] {
        func part<Value>(
            _ name: String,
            _ element: Element<Value>,
            _ json: (Value) -> AnswerJSON
        ) -> Part { Part("client", name, element, json) }
        return [
            part("client_id", client.clientID, AnswerJSON.string),
            part("program", client.program, AnswerJSON.string),
            part("track", client.track, AnswerJSON.string),
            part("admitted_at", client.admittedAt) { .instant($0) },
            part("admission_date", client.admissionDate) { .string($0.description) },
            part("ended_at", client.endedAt) { .instant($0) },
            part("end_date", client.endDate) { .string($0.description) },
            part("last_contact_at", client.lastContactAt) { .instant($0) },
            part("length_of_stay_days", client.lengthOfStayDays) { .integer(Int64($0)) },
            part("levels_of_care", client.levelsOfCare) { .array($0.map { .object($0.members) }) },
        ]
    }

    private var admissionParts: [Part] {
        [
            Part("admission", "reason", admission.reason, AnswerJSON.string),
            Part("admission", "diagnoses", admission.diagnoses) { .array($0.map(\.json)) },
            Part("admission", "allergies", admission.allergies, \.json),
        ]
    }

    private var careParts: [Part] {
        let section = "course_of_care"
        let care = courseOfCare
        return [
            Part(section, "attended", care.attended) { .integer(Int64($0)) },
            Part(section, "by_kind", care.byKind, AnswerJSON.counts),
            Part(section, "by_modality", care.byModality, AnswerJSON.counts),
            Part(section, "hours", care.hours, AnswerJSON.number),
            Part(section, "weeks", care.weeks) { .integer(Int64($0)) },
            Part(section, "attendance_rate", care.attendanceRate, AnswerJSON.number),
            Part(section, "missed", care.missed, AnswerJSON.counts),
            Part(section, "family_sessions", care.familySessions) { family in
                [
                    "held": .integer(Int64(family.held)),
                    "with_client": .integer(Int64(family.withClient)),
                    "participants": .counts(family.participants),
                ]
            },
        ]
    }

    private var medicationParts: [Part] {
        func states(_ name: String, _ list: [Element<MedicationState>]) -> [Part] {
            list.map {
                Part("medications", name, $0, key: $0.value?.lineage.description, \.json)
            }
        }
        func outcomes(_ name: String, _ list: [Element<MedicationOutcome>]) -> [Part] {
            list.map {
                Part("medications", name, $0, key: $0.value?.lineage.description, \.json)
            }
        }
        return states("at_admission", medications.atAdmission)
            + states("at_discharge", medications.atDischarge)
            + outcomes("continued", medications.continued)
            + outcomes("changed", medications.changed)
            + outcomes("new", medications.new)
            + outcomes("held", medications.held)
            + outcomes("stopped", medications.stopped)
            + outcomes("started_and_stopped", medications.startedAndStopped)
    }

    private var dischargeParts: [Part] {
        [
            Part("discharge", "reason", discharge.reason) {
                ["reason": .string($0.rawValue), "teds_reason": .integer(Int64($0.teds))]
            },
            Part("discharge", "diagnoses", discharge.diagnoses) { .array($0.map(\.json)) },
            Part("discharge", "goals", discharge.goals) {
                .array(
                    $0.map { ["text": .string($0.text), "status": .string($0.status.rawValue)] }
                )
            },
            Part("discharge", "condition", discharge.condition, AnswerJSON.string),
            Part("discharge", "disposition", discharge.disposition, AnswerJSON.string),
            Part("discharge", "summary", discharge.summary, AnswerJSON.string),
            Part("follow_up", "aftercare", followUp.aftercare) { list in
                .array(
                    list.map { care in
                        [
                            "provider": .string(care.provider),
                            "kind": .text(care.kind),
                            "at": .instant(care.at),
                        ]
                    }
                )
            },
            Part("follow_up", "instructions", followUp.instructions, AnswerJSON.string),
        ]
    }

    private var authorshipParts: [Part] {
        [
            Part("authorship", "author", authorship.author) {
                ["id": .string($0.id), "role": .string($0.role.rawValue)]
            },
            Part("authorship", "recorded_by", authorship.recordedBy, AnswerJSON.string),
            Part("authorship", "recorded_at", authorship.recordedAt) { .instant($0) },
            Part("authorship", "signature", authorship.signature, AnswerJSON.string),
        ]
    }

    private var amendmentParts: [Part] {
        amendments.corrections.map {
            Part("amendments", "corrections", $0, key: $0.value?.correction.description, \.json)
        }
            + amendments.lateEntries.map {
                Part("amendments", "late_entries", $0, key: $0.value?.entry.description, \.json)
            }
    }

    private var completenessParts: [Part] {
        completeness.elements.map { name, element in
            Part("completeness", name, element) { .string($0.rawValue) }
        }
    }

    // MARK: - JSON

    /// The sections of the document, in order, with the flags.
    public var members: [(name: String, value: AnswerJSON)] {
        var sections: [(name: String, members: [(name: String, value: AnswerJSON)])] = []
        func add(_ section: String, _ name: String, _ value: AnswerJSON) {
            if sections.last?.name != section { sections.append((section, [])) }
            sections[sections.count - 1].members.append((name, value))
        }
        let parts = parts
        let lists = Self.listNames
        var alone = parts.filter { part in part.key == nil }[...]
        for section in Self.sectionNames {
            while let part = alone.first, part.section == section {
                add(section, part.name, part.json)
                alone = alone.dropFirst()
            }
            for list in lists where list.section == section {
                let elements = parts.filter { $0.section == section && $0.name == list.name }
                add(section, list.name, .array(elements.map(\.json)))
            }
        }
        return sections.map { ($0.name, .object($0.members)) }
            + [("flags", .array(flags.map(\.json)))]
    }

    private static let sectionNames = [
        "client", "admission", "course_of_care", "medications", "discharge", "follow_up",
        "authorship", "amendments", "completeness",
    ]

    /// The elements as they are compared between two knowledge times: values without events.
    public var items: [AnswerItem] {
        parts.map { part in
            AnswerItem(part.key.map { "\(part.path)/\($0)" } ?? part.path, part.value)
        }
            + flags.map { flag in
                let events = flag.eventIDs.map(\.description).joined(separator: ",")
                return AnswerItem("flags/\(flag.code)/\(events)", .string(flag.text))
            }
    }
}

extension DischargeSummary.Completeness {
    /// The elements by name, in the order of the document.
    var elements: [(name: String, element: DischargeSummary.Element<DischargeSummary.Presence>)] {
        [
            ("reason_for_admission", reasonForAdmission),
            ("care_provided", careProvided),
            ("condition_and_disposition", conditionAndDisposition),
            ("information_to_client_and_family", informationToClientAndFamily),
            ("follow_up", followUp),
        ]
    }

    /// The names of those that are missing.
    public var missing: [String] {
        elements.filter { $0.element.value == .missing }.map(\.name)
    }
}
