public import CareEpisode
public import Documents
public import Ledger
import ProjectionRuntime

extension DischargeSummaryAnswer {
    /// The summary in words.
    ///
    /// - Parameters:
    ///   - ledger: whose record it comes from.
    ///   - calendar: of the ledger's zone, in which times are written.
    ///   - sources: the episode's events; of those that are named, the table tells more.
    public func document(
        _ ledger: LedgerDescription,
        _ calendar: LocalCalendar,
        _ sources: [DischargeSummarySource]
    ) -> Document {
        let writer = SummaryWriter(
            answer: self,
            clock: calendar,
            numbers: SourceNumbers(self, sources)
        )
        let isFinal = summary.status == .final
        let subtitle = [
            "Client \(summary.client.clientID.value ?? "")",
            summary.client.program.value ?? "",
            [
                summary.client.admissionDate.value?.description ?? "",
                summary.client.endDate.value?.description ?? "still open",
            ].joined(separator: " to "),
        ].joined(separator: " · ")
        let sections: [Document.Section?] =
            [
                writer.client, writer.admission, writer.courseOfCare, writer.medications,
            ] + (isFinal ? [writer.discharge, writer.followUp, writer.authorship] : []) + [
                writer.amendments, writer.completeness, writer.doubts, writer.changedSince,
                Document.Section("Basis", id: "basis", [.facts(writer.basis(ledger))]),
                Document.Section("Sources", id: "sources", [.table(writer.sources)]),
            ]
        return Document(
            isFinal ? "Discharge summary" : "Interim summary",
            subtitle: subtitle,
            reference: "Episode \(summary.episodeID)",
            notices: writer.notices,
            sections.compactMap(\.self)
        )
    }
}

/// The events that a document names, numbered by the time at which they happened.
struct SourceNumbers {
    /// In the order of their numbers, from 1.
    let named: [(eventID: EventID, source: DischargeSummarySource?)]
    private let numbers: [EventID: Int]

    init(_ answer: DischargeSummaryAnswer, _ sources: [DischargeSummarySource]) {
        let events = answer.namedEvents
        let known = sources.filter { events.contains($0.eventID) }.sorted {
            ($0.occurredAt, $0.position) < ($1.occurredAt, $1.position)
        }
        let unknown = events.subtracting(known.map(\.eventID)).sorted()
        named = known.map { ($0.eventID, $0) } + unknown.map { ($0, nil) }
        numbers = Dictionary(
            named.enumerated().map { ($1.eventID, $0 + 1) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    func callAsFunction(_ events: some Sequence<EventID>) -> [Int] {
        events.compactMap { numbers[$0] }.sorted()
    }
}
