import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension SessionList {
    /// The list for people: of one session or one date with who came, of others with the clients.
    func document(
        _ question: SessionsQuestion,
        _ context: LedgerContext,
        _ basis: ReadModelBasis
    ) -> Document {
        let (ledger, calendar) = (context.ledger, context.calendar)
        let selection = question.selection
        var title = "Sessions"
        if let dates = question.dates {
            title +=
                dates.from == dates.to ? " of \(dates.from)" : " from \(dates.from) to \(dates.to)"
        }
        title += ", ledger \(ledger.name) (\(ledger.timeZone))"
        for (words, value) in [
            ("session", selection.sessionID), ("held by", selection.facilitator),
            ("stated by", selection.author), ("program", selection.program),
            ("episode", selection.episode?.description),
        ] {
            if let value { title += ", \(words) \(value)" }
        }
        let hasRosters =
            selection.sessionID != nil || question.dates.map { $0.from == $0.to } ?? false
        let rosters = hasRosters ? sessions.map { $0.section(calendar) } : []
        return Document(
            title,
            [Document.Section("", [.table(sessionTable(calendar))])] + rosters + [
                Document.Section(
                    "",
                    (hasRosters ? [] : [.table(episodeTable(calendar))]) + [
                        .note(
                            "\(Words.count(sessions.count, "session")) of "
                                + "\(Words.count(episodes.count, "episode")). \(basis.words)"
                        )
                    ]
                )
            ]
        )
    }

    private func sessionTable(_ calendar: LocalCalendar) -> Document.Table {
        .wide(
            "",
            [
                "Start", "Kind", "Topic", "Program", "Held by", .number("Attended"),
                .number("Missed"), .number("Unmarked"), "Flags", "Session",
            ],
            sessions.map { session in
                [
                    calendar.time(session.startsAt), Words.code(session.kind.rawValue),
                    session.topic ?? "", session.programs.joined(separator: ", "),
                    session.facilitators.joined(separator: ", "), String(session.attended),
                    String(session.missed), String(session.unmarked.count),
                    EpisodeFlag.words(session.flags), session.sessionID ?? "",
                ]
            }
        )
    }

    private func episodeTable(_ calendar: LocalCalendar) -> Document.Table {
        .wide(
            "Clients",
            [
                "Client", "Program", .number("Attended"), .number("Missed"), "Last attended",
                "Episode",
            ],
            episodes.map { episode in
                [
                    episode.clientID, episode.program, String(episode.attended),
                    String(episode.missed.values.reduce(0, +)),
                    episode.lastAttendedAt.map { calendar.time($0) } ?? "",
                    episode.episodeID.description,
                ]
            },
            idColumn: 5
        )
    }
}

extension SessionList.Session {
    /// Who came, who did not, and who is unmarked.
    fileprivate func section(_ calendar: LocalCalendar) -> Document.Section {
        let marked = entries.map { entry in
            [
                entry.clientID, entry.words, entry.minutes.map { "\($0) min" } ?? "",
                entry.isCounted ? "yes" : "", entry.program, entry.author,
                entry.episodeID.description,
            ]
        }
        let others = unmarked.map {
            [$0.clientID, "not marked", "", "", $0.program, "", $0.episodeID.description]
        }
        let flags = flags.map { Document.Block.note("Flag: \($0.flag.text)") }
        let name = sessionID.map { ", \($0)" } ?? ""
        return Document.Section(
            "",
            [
                .table(
                    .wide(
                        "\(calendar.time(startsAt)) \(Words.code(kind.rawValue))\(name)",
                        [
                            "Client", "Outcome", .number("Minutes"), "Hours", "Program",
                            "Stated by", "Episode",
                        ],
                        marked + others,
                        idColumn: 6
                    )
                )
            ] + flags
        )
    }
}

extension SessionEntry {
    /// What became of it, in words; why it is no session of the episode, where it is none.
    fileprivate var words: String {
        var words =
            switch outcome {
            case .attended: attendance.map { "attended, \(Words.code($0.rawValue))" } ?? "attended"
            case .missed: reason.map { Words.code($0.rawValue) } ?? "missed"
            case .familyWithoutClient: "family without client"
            }
        if standing != .counted { words += " (\(Words.code(standing.rawValue)))" }
        return words
    }
}
