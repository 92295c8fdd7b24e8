import CareEpisode
import Documents
import Markup
import Projections

/// What an entry says, in words.
struct EntryWords {
    /// What kind of entry it is.
    let kind: String
    /// What it says.
    let said: [HTML]

    /// An entry that is neither correction nor retraction.
    init(_ data: EventData, _ format: DisplayFormat, _ people: People) {
        switch data {
        case .admitted(let admitted):
            kind = "Admission"
            said = [
                .text(
                    Self.list([
                        admitted.program, Words.code(admitted.levelOfCare.rawValue),
                        admitted.plannedHoursPerWeek.map { "\(Words.number($0)) h a week planned" },
                        admitted.reason.map { "“\($0)”" },
                        admitted.medications.map { Words.count($0.count, "medication") },
                        Self.allergies(admitted.allergies),
                    ])
                )
            ]
        case .sessionAttended(let session):
            kind = "Session attended"
            said = [
                .text(
                    Self.list([
                        Words.title(session.kind.rawValue), session.modality?.words,
                        "\(session.minutes)\u{A0}min",
                        session.attendance.flatMap { $0 == .full ? nil : Words.code($0.rawValue) },
                        session.mode.flatMap {
                            $0 == .inPerson ? nil : "by \(Words.code($0.rawValue))"
                        },
                        session.topic.map { "“\($0)”" },
                    ])
                )
            ]
        case .sessionMissed(let session):
            kind = "Session missed"
            said = [.text("\(Words.title(session.kind.rawValue)): \(session.reason.words)")]
        case .familySessionHeld(let session):
            kind = "Family session"
            let who = session.participants.map { Words.code($0.relation.rawValue) }
            said = [
                .text(
                    Self.list([
                        "with \(who.joined(separator: " and "))",
                        session.clientPresent ? "client present" : "without the client",
                        session.focus.map { Words.code($0.rawValue) },
                        "\(session.minutes)\u{A0}min",
                    ])
                )
            ]
        case .medicationAdjusted(let change):
            kind = "Medication \(change.change.words)"
            said = Self.medication(change, people)
        case .steppedDown(let step), .steppedUp(let step):
            kind = step.toLevel < step.fromLevel ? "Stepped down" : "Stepped up"
            said = [
                .text(
                    Self.list([
                        "to \(Words.code(step.toLevel.rawValue))", step.program,
                        step.plannedHoursPerWeek.map { "\(Words.number($0)) h a week planned" },
                        "“\(step.rationale)”",
                    ])
                )
            ]
        case .programChanged(let change):
            kind = "Program changed"
            said = [
                .text(
                    Self.list([
                        change.program.map { "to \($0)" },
                        change.track.map { Words.code($0.rawValue) },
                        change.schedule.map { Words.code($0.rawValue) },
                        change.plannedHoursPerWeek.map { "\(Words.number($0)) h a week planned" },
                        "“\(change.rationale)”",
                    ])
                )
            ]
        case .completed(let end):
            kind = "Completed"
            said = [.text(Self.end(end, format))]
        case .discharged(let discharged):
            kind = "Discharged"
            said = [
                .text(
                    Self.list([
                        Words.code(discharged.reason.rawValue), Self.end(discharged.end, format),
                    ])
                )
            ]
        case .entryCorrected(let correction):
            kind = "Correction"
            said = [.text("“\(correction.reason)”")]
        case .entryRetracted(let retraction):
            kind = "Retraction"
            said = [.text("“\(retraction.reason)”")]
        }
    }

    private static func list(_ parts: [String?]) -> String {
        parts.compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ", ")
    }

    private static func allergies(_ texts: [String]?) -> String {
        guard let texts else { return "allergies not recorded" }
        return texts.isEmpty ? "no known allergies" : "allergies: \(texts.joined(separator: "; "))"
    }

    private static func end(_ end: EpisodeEnd, _ format: DisplayFormat) -> String {
        list([
            end.disposition.map { SummaryWords.disposition($0.rawValue) },
            end.lastContactAt.map { "last contact \(format.dayAndTime($0))" },
            end.condition.map { "“\($0)”" },
        ])
    }

    private static func medication(_ change: MedicationAdjusted, _ people: People) -> [HTML] {
        let more = list([
            change.replaces.map { "in place of \($0.name)" }, change.reason?.words,
            change.indication?.text.map { "for \($0)" },
            "prescriber \(people.name(change.prescriber))",
        ])
        let text = MedicationText(change.medication, change.regimen)
        let drug =
            change.regimen == nil
            ? HTML.tag("span", ["class": "drug"], [.tag("b", TallMan.html(change.medication.name))])
            : text.line
        return [drug, .text(" "), .tag("span", ["class": "quiet"], text: more)]
    }
}

extension SessionModality {
    /// As it is spoken of; nil of another one.
    var words: String? {
        switch self {
        case .cbt: "CBT"
        case .mi: "MI"
        case .dbt: "DBT"
        case .twelveStep: "12-step"
        case .other: nil
        }
    }
}

extension MissedReason {
    /// Why, in words.
    var words: String {
        switch self {
        case .noShow: "no-show"
        case .cancelledByClient: "canceled by the client"
        case .cancelledByProgram: "canceled by the program"
        case .excused: "excused"
        }
    }
}

extension MedicationChange {
    /// What was done, in words after "medication".
    var words: String {
        switch self {
        case .start: "started"
        case .increase: "increased"
        case .decrease: "decreased"
        case .changeFrequency: "frequency changed"
        case .changeRoute: "route changed"
        case .switch: "switched"
        case .hold: "held"
        case .resume: "resumed"
        case .stop: "stopped"
        case .unchanged: "reviewed, unchanged"
        }
    }
}
