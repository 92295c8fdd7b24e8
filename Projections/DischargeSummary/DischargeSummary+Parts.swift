public import CareEpisode
public import ProjectionRuntime

extension DischargeSummary {
    /// One element of a section, such as `client/ended_at`, or a list of them, such as
    /// `medications/changed`: where it stands, how it is written, and what it may be.
    struct Part: Sendable {
        /// What is stated, and the events it comes from.
        struct Statement {
            /// What tells it apart in a list; nil where it stands alone.
            var key: String?
            let value: AnswerJSON
            let eventIDs: [EventID]
        }

        let section: String
        let name: String
        let isList: Bool
        /// What the stated value may be.
        let schema: @Sendable () -> AnswerJSON
        let statements: @Sendable (DischargeSummary) -> [Statement]

        var path: String { "\(section)/\(name)" }

        fileprivate var field: JSONField<DischargeSummary> {
            JSONField(name, schema: isList ? .schema(listOf: statementSchema) : statementSchema) {
                let told = statements($0).map { $0.json }
                return isList ? .array(told) : told[0]
            }
        }

        private var statementSchema: AnswerJSON {
            .schema(of: [
                JSONField<Statement>("value", schema: schema()) { $0.value },
                JSONField<Statement>("event_ids", \.eventIDs),
            ])
        }
    }

    /// Every element, in the order of the document.
    static let parts: [Part] =
        [
            Part("client", "client_id", \.client.clientID),
            Part("client", "program", \.client.program),
            Part("client", "track", \.client.track),
            Part("client", "admitted_at", \.client.admittedAt),
            Part("client", "admission_date", \.client.admissionDate),
            Part("client", "ended_at", \.client.endedAt),
            Part("client", "end_date", \.client.endDate),
            Part("client", "last_contact_at", \.client.lastContactAt),
            Part("client", "length_of_stay_days", \.client.lengthOfStayDays),
            Part("client", "levels_of_care", \.client.levelsOfCare),
            Part("admission", "reason", \.admission.reason),
            Part("admission", "diagnoses", \.admission.diagnoses),
            Part("admission", "allergies", \.admission.allergies),
            Part("course_of_care", "attended", \.courseOfCare.attended),
            Part("course_of_care", "by_kind", \.courseOfCare.byKind),
            Part("course_of_care", "by_modality", \.courseOfCare.byModality),
            Part("course_of_care", "hours", \.courseOfCare.hours),
            Part("course_of_care", "weeks", \.courseOfCare.weeks),
            Part("course_of_care", "attendance_rate", \.courseOfCare.attendanceRate),
            Part("course_of_care", "missed", \.courseOfCare.missed),
            Part("course_of_care", "missed_after_end", \.courseOfCare.missedAfterEnd),
            Part("course_of_care", "family_sessions", \.courseOfCare.familySessions),
            medications("at_admission", \.atAdmission, MedicationState.fields),
            medications("at_discharge", \.atDischarge, MedicationState.fields),
            medications("after_discharge", \.afterDischarge, MedicationPlan.fields),
            medications("continued", \.continued, MedicationOutcome.continued),
            medications("changed", \.changed, MedicationOutcome.changed),
            medications("new", \.new, MedicationOutcome.new),
            medications("held", \.held, MedicationOutcome.held),
            medications("stopped", \.stopped, MedicationOutcome.stopped),
            medications(
                "started_and_stopped",
                \.startedAndStopped,
                MedicationOutcome.startedAndStopped
            ),
            Part("discharge", "reason", \.discharge.reason, of: EndReason.fields),
            Part("discharge", "diagnoses", \.discharge.diagnoses),
            Part("discharge", "goals", \.discharge.goals),
            Part("discharge", "condition", \.discharge.condition),
            Part("discharge", "disposition", \.discharge.disposition),
            Part("discharge", "summary", \.discharge.summary),
            Part("follow_up", "aftercare", \.followUp.aftercare),
            Part("follow_up", "instructions", \.followUp.instructions),
            Part("authorship", "author", \.authorship.author),
            Part("authorship", "recorded_by", \.authorship.recordedBy),
            Part("authorship", "recorded_at", \.authorship.recordedAt),
            Part("authorship", "signature", \.authorship.signature),
            Part(
                "amendments",
                "corrections",
                \.amendments.corrections,
                by: \.correction.description,
                of: Correction.fields
            ),
            Part(
                "amendments",
                "late_entries",
                \.amendments.lateEntries,
                by: \.entry.description,
                of: LateEntry.fields
            ),
        ]
        + Completeness.elements.map { name, element in
            Part("completeness", name) { element($0.completeness) }
        }

    /// Everything that is stated.
    var statements: [Part.Statement] { Self.parts.flatMap { $0.statements(self) } }

    private static func medications<Value: MedicationStatement>(
        _ name: String,
        _ list: @escaping @Sendable (Medications) -> [Element<Value>],
        _ fields: [JSONField<Value>]
    ) -> Part {
        Part(
            "medications",
            name,
            { list($0.medications) },
            by: \.lineage.description,
            of: fields
        )
    }

    /// The elements as they are compared between two knowledge times: values without events.
    public var items: [AnswerItem] {
        Self.parts.flatMap { part in
            part.statements(self).map { statement in
                AnswerItem(statement.key.map { "\(part.path)/\($0)" } ?? part.path, statement.value)
            }
        }
            + flags.map { flag in
                let events = flag.eventIDs.map(\.description).joined(separator: ",")
                return AnswerItem("flags/\(flag.code)/\(events)", .string(flag.text))
            }
    }
}

extension DischargeSummary.Part {
    typealias Element = DischargeSummary.Element

    /// An element that stands alone.
    init<Value: JSONDescribed>(
        _ section: String,
        _ name: String,
        _ element: @escaping @Sendable (DischargeSummary) -> Element<Value>
    ) {
        self.init(section: section, name: name, isList: false, schema: { Optional<Value>.schema }) {
            let element = element($0)
            return [Statement(value: element.value.json, eventIDs: element.eventIDs)]
        }
    }

    /// An element that stands alone, and is an object with these members.
    init<Value>(
        _ section: String,
        _ name: String,
        _ element: @escaping @Sendable (DischargeSummary) -> Element<Value>,
        of fields: [JSONField<Value>]
    ) {
        let schema = { @Sendable in AnswerJSON.schema(of: fields).orNull }
        self.init(section: section, name: name, isList: false, schema: schema) {
            [Statement(element($0), of: fields)]
        }
    }

    /// A list of elements, each told apart by its first member.
    init<Value>(
        _ section: String,
        _ name: String,
        _ elements: @escaping @Sendable (DischargeSummary) -> [Element<Value>],
        by key: @escaping @Sendable (Value) -> String,
        of fields: [JSONField<Value>]
    ) {
        let schema = { @Sendable in AnswerJSON.schema(of: fields) }
        self.init(section: section, name: name, isList: true, schema: schema) {
            elements($0).map { Statement($0, key: $0.value.map(key), of: fields) }
        }
    }
}

extension DischargeSummary.Part.Statement {
    fileprivate init<Value>(
        _ element: DischargeSummary.Element<Value>,
        key: String? = nil,
        of fields: [JSONField<Value>]
    ) {
        self.init(
            key: key,
            value: element.value.map { .object(fields: fields, of: $0) } ?? .null,
            eventIDs: element.eventIDs
        )
    }

    fileprivate var json: AnswerJSON { ["value": value, "event_ids": eventIDs.json] }
}

extension DischargeSummary: JSONObject {
    /// The sections of the document, in order, with the flags.
    public static let fields: [JSONField<Self>] =
        sections.map { section in
            let fields = parts.filter { $0.section == section }.map(\.field)
            return JSONField(section, schema: .schema(of: fields)) {
                .object(fields: fields, of: $0)
            }
        } + [JSONField("flags", \.flags)]

    private static let sections = [
        "client", "admission", "course_of_care", "medications", "discharge", "follow_up",
        "authorship", "amendments", "completeness",
    ]
}

extension DischargeSummary.Completeness {
    /// The elements by name, in the order of the document.
    static let elements:
        [(
            name: String,
            element: @Sendable (Self) -> DischargeSummary.Element<DischargeSummary.Presence>
        )] = [
            ("reason_for_admission", { $0.reasonForAdmission }),
            ("care_provided", { $0.careProvided }),
            ("condition_and_disposition", { $0.conditionAndDisposition }),
            ("information_to_client_and_family", { $0.informationToClientAndFamily }),
            ("follow_up", { $0.followUp }),
        ]

    /// The names of those that are missing.
    public var missing: [String] {
        Self.elements.filter { $0.element(self).value == .missing }.map(\.name)
    }
}
