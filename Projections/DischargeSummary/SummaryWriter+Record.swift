import CareEpisode
import Documents
import ProjectionRuntime

extension SummaryWriter {
    var authorship: Section {
        let authorship = summary.authorship
        return Section(
            "Authorship",
            [
                .facts([
                    fact("Responsible author", authorship.author) {
                        "\($0.id), \(Words.code($0.role.rawValue))"
                    },
                    fact("Recorded by", authorship.recordedBy) { $0 },
                    fact("Recorded at (ledger's clock)", authorship.recordedAt) {
                        clock.time($0, withSeconds: true)
                    },
                    fact("Signature", authorship.signature) { $0 },
                ])
            ]
        )
    }

    var amendments: Section {
        let amendments = summary.amendments
        return Section(
            "Corrections and late entries",
            [
                table(
                    "Corrections of what this summary rests on",
                    ["Entry", "First recorded for", "Corrected to", "Concerns"],
                    amendments.corrections.compactMap { element in
                        guard let correction = element.value else { return nil }
                        let isMoved = correction.correctedAt != correction.occurredAt
                        return Row(
                            [
                                Words.title(correction.targetType.rawValue),
                                clock.time(correction.occurredAt),
                                isMoved ? clock.time(correction.correctedAt) : "the same time",
                                concerns(correction.elements),
                            ],
                            sources: numbers(element.eventIDs)
                        )
                    },
                    none: "No corrections of what this summary rests on. Retracted entries take "
                        + "no part in it; a replay shows them."
                ),
                table(
                    "Known more than 24 hours after it happened",
                    ["Entry", "Happened", "Known", "Concerns"],
                    amendments.lateEntries.compactMap { element in
                        guard let late = element.value else { return nil }
                        return Row(
                            [
                                Words.title(late.type.rawValue),
                                clock.time(late.occurredAt),
                                known(late.knownAt, late.knownBy),
                                concerns(late.elements),
                            ],
                            sources: numbers(element.eventIDs)
                        )
                    },
                    none: "No late entries."
                ),
            ]
        )
    }

    private func concerns(_ elements: [String]) -> String {
        DischargeSummary.sections(of: elements).map(Words.code).joined(separator: ", ")
    }

    var completeness: Section {
        Section(
            "Completeness",
            [
                .facts(
                    DischargeSummary.Completeness.elements.map { name, element in
                        fact(Words.title(name), element(summary.completeness)) {
                            Words.code($0.rawValue)
                        }
                    }
                ),
                .note(
                    "Elements of a discharge summary by Joint Commission standard RC.02.04.01: "
                        + "present where something is recorded."
                ),
            ]
        )
    }

    var doubts: Section {
        Section(
            "Doubts about the record",
            [
                table(
                    "",
                    ["Doubt"],
                    summary.flags.map { Row([$0.text], sources: numbers($0.eventIDs)) },
                    none: "None."
                )
            ]
        )
    }

    /// What has become known since the end; nil of an interim summary.
    var changedSince: Section? {
        guard let changedSince = answer.changedSince else { return nil }
        let since = clock.time(changedSince.since, withSeconds: true)
        let by = answer.clock == .source ? "source's clock" : "ledger's clock"
        return Section(
            "Changed since \(since) (\(by))",
            [
                table(
                    "",
                    ["Element", "Before", "Now"],
                    changedSince.changes.map { change in
                        Row(
                            [
                                Words.title(SummaryWords.item(change.item)),
                                words(change.before, of: change.item),
                                words(change.after, of: change.item),
                            ],
                            sources: numbers(change.because)
                        )
                    },
                    none: "Nothing."
                )
            ]
        )
    }

    private func words(_ value: AnswerJSON?, of item: String) -> String {
        if item == "discharge/disposition", case .string(let code) = value {
            return SummaryWords.disposition(code)
        }
        // A plan is its steps.
        if item.hasPrefix("medications/"), !item.hasPrefix("medications/after_discharge/"),
            let words = SummaryWords.medication(value)
        {
            return words
        }
        return SummaryWords.value(value, clock)
    }
}
