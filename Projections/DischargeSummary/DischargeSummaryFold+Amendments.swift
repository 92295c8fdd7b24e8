import CareEpisode

extension DischargeSummaryFold {
    /// A source that writes an entry down more than a day after it happened writes it late.
    private static let lateAfterSeconds: Int64 = 86_400

    /// The corrections and late entries among all that a summary's elements name.
    ///
    /// - Parameter summary: without its amendments.
    func amendments(_ summary: DischargeSummary) -> DischargeSummary.Amendments {
        var elements: [EventID: [String]] = [:]
        for part in summary.parts {
            for event in part.eventIDs where elements[event]?.last != part.path {
                elements[event, default: []].append(part.path)
            }
        }
        var amendments = DischargeSummary.Amendments(corrections: [], lateEntries: [])
        for entry in history.entries {
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
            if entry.knownAt > entry.occurredAt.advanced(bySeconds: Self.lateAfterSeconds) {
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
