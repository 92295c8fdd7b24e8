import CareEpisode
import Documents
import Markup
import ProjectionRuntime
import Projections

/// A discharge summary, or an interim one, as a document; the small numbers are the entries that it
/// comes from.
struct SummaryPanel {
    typealias Element = DischargeSummary.Element
    /// A label, and what is said under it.
    typealias Fact = (label: String, words: [HTML])

    let record: EpisodeRecord
    let answer: DischargeSummaryAnswer
    private let versions: [EventID: Version]

    init(_ record: EpisodeRecord, _ answer: DischargeSummaryAnswer) {
        self.record = record
        self.answer = answer
        versions = Dictionary(
            record.events.map { ($0.history.eventID, $0.history.version) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    var summary: DischargeSummary { answer.summary }
    var format: DisplayFormat { record.format }
    var isFinal: Bool { summary.status == .final }

    var html: HTML {
        let sections =
            [client, admission, courseOfCare, medications]
            + (isFinal ? [discharge, followUp, authorship] : [])
            + [amendments, completeness, doubts, changedSince, basis, sources]
        return .tag(
            "section",
            ["class": "panel document", "aria-labelledby": "h-doc"],
            [
                .tag(
                    "header",
                    [
                        .tag(
                            "h2",
                            ["id": "h-doc"],
                            text: isFinal ? "Discharge summary" : "Interim summary"
                        ), .tag("p", text: span),
                    ]
                ), .tag("div", ["class": "body stack"], notices + sections),
            ]
        )
    }

    /// "iop-adult-evening · Mon, Oct 6, 2025 to Mon, Nov 17, 2025".
    private var span: String {
        let client = summary.client
        let dates = [client.admissionDate.value, client.endDate.value].map { $0.map(format.date) }
        return [
            client.program.value,
            "\(dates[0] ?? "–") to \(dates[1] ?? (isFinal ? "–" : "now, still open"))",
        ].compactMap(\.self).joined(separator: " · ")
    }

    // MARK: - What a reader must not miss

    private var notices: [HTML] {
        var notices: [String] = []
        if summary.client.clientID.value?.hasPrefix("SIM-") == true {
            notices.append("Simulated data; not a real person.")
        }
        if !isFinal {
            notices.append(
                "Interim: the episode was open at \(format.upTo(answer.effectiveAt)); this may "
                    + "change."
            )
        }
        if let knownAt = answer.basis.knownAt {
            notices.append(
                "As known on \(format.knowledge(knownAt)); more may be known since."
            )
        }
        let missing = Self.required.filter { $0.element(summary.completeness).value == .missing }
        if !missing.isEmpty {
            let names = missing.map { $0.name.lowercased() }.joined(separator: "; ")
            notices.append("What is missing: \(names).")
        }
        notices.append("Not signed.")
        return notices.map { .tag("p", ["class": "notice warn"], text: $0) }
    }

    /// What a summary must have (Joint Commission RC.02.04.01).
    private static let required:
        [(
            name: String,
            element: @Sendable (DischargeSummary.Completeness) -> Element<DischargeSummary.Presence>
        )] = [
            ("Reason for admission", { $0.reasonForAdmission }),
            ("Care provided", { $0.careProvided }),
            ("Condition and disposition", { $0.conditionAndDisposition }),
            ("Information to client and family", { $0.informationToClientAndFamily }),
            ("Follow-up", { $0.followUp }),
        ]

    private var completeness: HTML {
        section(
            "complete",
            "What a summary must have",
            [
                facts(
                    Self.required.map { name, element in
                        fact(name, element(summary.completeness)) { presence in
                            switch presence {
                            case .present: "present"
                            case .missing: "missing"
                            case .notApplicable: "not applicable: the client has died"
                            }
                        }
                    }
                ),
                note(
                    "Joint Commission standard RC.02.04.01: present where something is recorded."
                ),
            ]
        )
    }

    // MARK: - Parts of a document

    static let notRecorded = "not recorded"

    func section(_ id: String, _ title: String, _ content: [HTML]) -> HTML {
        let id = "doc-\(id)"
        return .tag(
            "section",
            ["aria-labelledby": id],
            [.tag("h2", ["id": id], text: title)] + content
        )
    }

    func note(_ text: String) -> HTML { .tag("p", ["class": "note"], text: text) }

    /// The entries that something comes from: their numbers, each run leading to its first.
    func marks(_ events: [EventID]) -> [HTML] {
        let numbers = events.compactMap { versions[$0] }.map { Int($0.rawValue) }
        guard !numbers.isEmpty else { return [] }
        let links = Document.runs(numbers).enumerated().flatMap { place, run -> [HTML] in
            [
                .text(place == 0 ? "" : ", "),
                .tag(
                    "a",
                    ["href": record.entry(Version(Int64(run.lowerBound)))],
                    text: Document.numbers(Array(run))
                ),
            ]
        }
        return [.tag("sup", ["class": "marks"], links)]
    }

    /// Something that is recorded or not, in lines.
    func fact<Value>(
        _ label: String,
        _ element: Element<Value>,
        lines: (Value) -> [String]
    ) -> Fact {
        guard let value = element.value else {
            return (label, [.tag("span", ["class": "quiet"], text: Self.notRecorded)])
        }
        return (label, Self.lines(lines(value).map { [.text($0)] }) + marks(element.eventIDs))
    }

    /// Something that is recorded or not, in a line.
    func fact<Value>(
        _ label: String,
        _ element: Element<Value>,
        _ words: (Value) -> String
    ) -> Fact {
        fact(label, element) { [words($0)] }
    }

    func facts(_ facts: [Fact]) -> HTML {
        .tag(
            "table",
            ["class": "facts"],
            [
                .tag(
                    "tbody",
                    facts.map { fact in
                        .tag(
                            "tr",
                            [
                                .tag("th", ["scope": "row"], text: fact.label),
                                .tag("td", fact.words),
                            ]
                        )
                    }
                )
            ]
        )
    }

    /// A text of any length under a heading, its paragraphs as they were written.
    func text(_ label: String, _ element: Element<String>) -> HTML {
        let text = element.value ?? ""
        let paragraphs = text.split(whereSeparator: \.isNewline).filter {
            !$0.allSatisfy(\.isWhitespace)
        }
        var content: [HTML] = paragraphs.enumerated().map { place, paragraph in
            .tag(
                "p",
                [.text(String(paragraph))]
                    + (place == paragraphs.count - 1 ? marks(element.eventIDs) : [])
            )
        }
        if content.isEmpty {
            let words = element.value == nil ? Self.notRecorded : "left blank"
            content = [.tag("p", ["class": "quiet"], text: words)]
        }
        return .tag("div", ["class": "text"], [.tag("h3", text: label)] + content)
    }

    /// A table under a heading, of which each row is a card on a narrow screen; a sentence where it has
    /// no rows.
    func table(
        _ caption: String,
        of events: [EventID] = [],
        _ columns: [String],
        _ rows: [[[HTML]]],
        none: String
    ) -> [HTML] {
        let heading =
            caption.isEmpty ? [] : [HTML.tag("h3", [.text(caption)] + marks(events))]
        guard !rows.isEmpty else {
            return heading + [.tag("p", ["class": "quiet"], text: none)]
        }
        return heading + [
            .table(
                "cards",
                columns.map { ($0, false) },
                // On a card a cell stands beside its label: it is one piece.
                rows.map { $0.map { cell in [.tag("div", cell)] } }
            )
        ]
    }

    /// Lines under each other.
    static func lines(_ lines: [[HTML]]) -> [HTML] {
        lines.enumerated().flatMap { place, line in place == 0 ? line : [.tag("br")] + line }
    }
}
