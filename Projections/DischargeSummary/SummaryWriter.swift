import CareEpisode
import Documents
import Ledger
import ProjectionRuntime
import TransparencyLog

/// Puts the sections of a document into words.
struct SummaryWriter {
    typealias Block = Document.Block
    typealias Fact = Document.Fact
    typealias Row = Document.Row
    typealias Section = Document.Section
    typealias Table = Document.Table

    let answer: DischargeSummaryAnswer
    let clock: LocalCalendar
    let numbers: SourceNumbers

    var summary: DischargeSummary { answer.summary }

    var notices: [String] {
        var notices: [String] = []
        if summary.client.clientID.value?.hasPrefix("SIM-") == true {
            notices.append("Simulated data; not a real person")
        }
        if summary.status == .interim {
            let time = clock.time(answer.effectiveAt)
            notices.append("Interim: the episode was open at \(time); this may change")
        }
        if let knownAt = answer.basis.knownAt {
            notices.append("As known at \(clock.time(knownAt)); more may be known since")
        }
        notices.append("Not signed")
        return notices
    }

    // MARK: - Elements

    /// A fact of one line.
    func fact<Value>(
        _ label: String,
        _ element: DischargeSummary.Element<Value>,
        _ words: (Value) -> String
    ) -> Fact {
        fact(label, element) { [words($0)] }
    }

    /// A fact of some lines.
    func fact<Value>(
        _ label: String,
        _ element: DischargeSummary.Element<Value>,
        lines: (Value) -> [String]
    ) -> Fact {
        Fact(
            label: label,
            lines: element.value.map { value in
                let lines = lines(value)
                return lines.allSatisfy(\.isBlank) ? [SummaryWords.leftBlank] : lines
            } ?? [SummaryWords.notRecorded],
            sources: numbers(element.eventIDs)
        )
    }

    /// A table, or a sentence where it has no rows.
    func table(
        _ caption: String,
        _ columns: [Document.Column],
        _ rows: [Row],
        none: String
    ) -> Block {
        rows.isEmpty
            ? .note(none)
            : .table(Table(caption: caption, columns: columns, rows: rows))
    }

    // MARK: - Basis

    func basis(_ ledger: LedgerDescription) -> [Fact] {
        let basis = answer.basis
        var known = "everything that the ledger holds up to this position"
        if let knownAt = basis.knownAt {
            let by =
                basis.knownBy == .source
                ? "the source's clock where it says so, else the ledger's" : "the ledger's clock"
            known = "what was known at \(clock.time(knownAt, withSeconds: true)) by \(by)"
        }
        func fact(_ label: String, _ text: String) -> Fact {
            Fact(label: label, lines: [text], sources: [])
        }
        return [
            fact("Ledger", "\(ledger.name)"),
            fact("Episode", summary.episodeID.description),
            fact("Position", "\(basis.position.rawValue)"),
            fact("Known", known),
            fact("Effective at", clock.time(answer.effectiveAt, withSeconds: true)),
            fact("Time zone", ledger.timeZone),
            fact(
                "Checkpoint",
                answer.checkpoint.map {
                    "\($0.size) events of \($0.origin) with the root \($0.root)"
                } ?? "none covers this position yet"
            ),
        ]
    }

    /// A knowledge time, with whose clock it is on.
    func known(_ time: Instant, _ by: KnowledgeClock, withSeconds: Bool = false) -> String {
        "\(clock.time(time, withSeconds: withSeconds)) (\(by == .source ? "source" : "ledger"))"
    }

    /// The table that the numbers point to.
    var sources: Table {
        var table = Table(
            caption: "",
            columns: ["Event", "Type", "Time", "Known (by whose clock)"],
            rows: numbers.named.enumerated().map { index, named in
                let source = named.source
                return Row(
                    [
                        named.eventID.description,
                        source.map { Words.code($0.type.rawValue) } ?? "",
                        source.map { clock.time($0.occurredAt, withSeconds: true) } ?? "",
                        source.map { known($0.knownAt, $0.knownBy, withSeconds: true) } ?? "",
                    ],
                    number: index + 1
                )
            }
        )
        table.hasSources = false
        table.idColumn = 0
        return table
    }
}

extension String {
    fileprivate var isBlank: Bool { allSatisfy(\.isWhitespace) }
}
