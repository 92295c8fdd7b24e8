import CareEpisode
import Documents
import Ledger
import Markup
import ProjectionRuntime
import Projections

/// What is known of the record: amendments, doubts, what has become known since, and the entries.
extension SummaryPanel {
    var amendments: HTML {
        let amendments = summary.amendments
        return section(
            "amendments",
            "Corrections and late entries",
            table(
                "Corrections of what this summary rests on",
                ["Entry", "First recorded for", "Corrected to", "Concerns", "Entries"],
                amendments.corrections.compactMap { element in
                    guard let correction = element.value else { return nil }
                    let isMoved = correction.correctedAt != correction.occurredAt
                    return [
                        [.text(Words.title(correction.targetType.rawValue))],
                        [.text(format.dateAndTime(correction.occurredAt))],
                        [
                            .text(
                                isMoved
                                    ? format.dateAndTime(correction.correctedAt) : "the same time"
                            )
                        ], [.text(concerns(correction.elements))], marks(element.eventIDs),
                    ]
                },
                none: "None. Retracted entries take no part in a summary; the timeline shows them."
            )
                + table(
                    "Known more than 24 hours after it happened",
                    ["Entry", "Happened", "Known", "Concerns", "Entries"],
                    amendments.lateEntries.compactMap { element in
                        guard let late = element.value else { return nil }
                        let clock = late.knownBy == .source ? "source’s" : "ledger’s"
                        return [
                            [.text(Words.title(late.type.rawValue))],
                            [.text(format.dateAndTime(late.occurredAt))],
                            [.text("\(format.dateAndTime(late.knownAt)), by the \(clock) clock")],
                            [.text(concerns(late.elements))],
                            marks(element.eventIDs),
                        ]
                    },
                    none: "None."
                )
        )
    }

    private func concerns(_ elements: [String]) -> String {
        DischargeSummary.sections(of: elements).map(Words.code).joined(separator: ", ")
    }

    var doubts: HTML {
        section(
            "doubts",
            "Doubts about the record",
            table(
                "",
                ["Doubt", "What it says", "Entries"],
                summary.flags.map { flag in
                    [
                        [.text(FlagWords.of(flag.code).words)], [.text(format.dated(flag.text))],
                        marks(flag.eventIDs),
                    ]
                },
                none: "None."
            )
        )
    }

    /// What has become known since the end; nothing of an interim summary.
    var changedSince: HTML {
        guard let changedSince = answer.changedSince else { return .nothing }
        let clock = answer.clock == .source ? "sources’ clocks" : "ledger’s clock"
        return section(
            "changed",
            "Changed since \(format.dateAndTime(changedSince.since)), by the \(clock)",
            table(
                "",
                ["Part", "Before", "Now", "Entries"],
                changedSince.changes.map { change in
                    let told = ChangeWords(change, format)
                    return [
                        [.text(told.item)], [.text(told.before ?? "not there")],
                        [.text(told.after ?? "gone")], marks(change.because),
                    ]
                },
                none: "Nothing."
            )
        )
    }

    var basis: HTML {
        let basis = answer.basis
        var known = "everything that the ledger holds up to this position"
        if let knownAt = basis.knownAt {
            let by =
                basis.knownBy == .source
                ? "the source’s clock where it says so, else the ledger’s" : "the ledger’s clock"
            known = "what was known on \(format.knowledge(knownAt)), by \(by)"
        }
        let rows: [Fact] = [
            ("Episode", summary.episodeID.description),
            ("Position", Words.grouped(basis.position.rawValue)), ("Known", known),
            ("Up to", format.upTo(answer.effectiveAt)),
            ("Time zone", format.zone(at: answer.effectiveAt)),
        ].map { ($0, [.text($1)]) }
        return section(
            "basis",
            "Basis",
            [
                facts(rows),
                .tag(
                    "p",
                    ["class": "note"],
                    [
                        .tag(
                            "a",
                            ["href": record.page("proof").href],
                            text: "Proof that nothing was changed"
                        )
                    ]
                ),
            ]
        )
    }

    /// The entries that the numbers name.
    var sources: HTML {
        let named = answer.namedEvents
        let lines = record.now.replay.lines.filter {
            named.contains($0.event.history.eventID)
        }
        return section(
            "sources",
            "Entries",
            table(
                "",
                ["Number", "Entry", "Happened, as first recorded", "Known"],
                lines.map { line in
                    let event = line.event.history
                    let clock = line.isSourceTime ? "source’s" : "ledger’s"
                    return [
                        [
                            .tag(
                                "a",
                                ["href": record.entry(event.version)],
                                text: event.version.description
                            )
                        ], [.text(Words.title(event.type.rawValue))],
                        [.text(format.dateAndTime(event.occurredAt))],
                        [.text("\(format.dateAndTime(line.knowledgeTime)), \(clock) clock")],
                    ]
                },
                none: "None."
            )
        )
    }
}
