import CareEpisode

extension DischargeSummaryFold {
    /// A source that writes an entry down more than a day after it happened writes it late.
    private static let lateAfterSeconds: Int64 = 86_400

    private static func isLate(_ entry: EffectiveHistory.Entry) -> Bool {
        entry.knownAt > entry.occurredAt.advanced(bySeconds: lateAfterSeconds)
    }

    /// The corrections and late entries among all that a summary's elements name.
    ///
    /// - Parameter summary: without its amendments.
    func amendments(_ summary: DischargeSummary) -> DischargeSummary.Amendments {
        var amendments = DischargeSummary.Amendments(corrections: [], lateEntries: [])
        let amended = history.entries.filter { !$0.correctedBy.isEmpty || Self.isLate($0) }
        guard !amended.isEmpty else { return amendments }
        let events = Set(amended.map(\.eventID))
        var elements: [EventID: [String]] = [:]
        for part in DischargeSummary.parts {
            for event in part.statements(summary).flatMap(\.eventIDs)
            where events.contains(event) && elements[event]?.last != part.path {
                elements[event, default: []].append(part.path)
            }
        }
        for entry in amended {
            guard let touched = elements[entry.eventID] else { continue }
            for (correction, time) in zip(entry.correctedBy, entry.correctedTimes) {
                amendments.corrections.append(
                    Element(
                        value: DischargeSummary.Correction(
                            correction: correction,
                            target: entry.eventID,
                            targetType: entry.type,
                            occurredAt: entry.occurredAt,
                            correctedAt: time,
                            elements: touched
                        ),
                        eventIDs: [entry.eventID, correction]
                    )
                )
            }
            if Self.isLate(entry) {
                amendments.lateEntries.append(
                    Element(
                        value: DischargeSummary.LateEntry(
                            entry: entry.eventID,
                            type: entry.type,
                            occurredAt: entry.occurredAt,
                            knownAt: entry.knownAt,
                            knownBy: entry.knownAt == entry.recordedAt ? .ledger : .source,
                            elements: touched
                        ),
                        eventIDs: [entry.eventID]
                    )
                )
            }
        }
        return amendments
    }
}
