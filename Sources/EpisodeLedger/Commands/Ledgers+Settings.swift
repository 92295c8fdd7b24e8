import ArgumentParser
import CareEpisode
import Documents
import Ledger

extension Ledgers {
    struct Settings: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the settings of a ledger, or set something from a date on.",
            usage: """
                episode-ledger ledgers settings <name> [<options>]
                episode-ledger ledgers settings <name> --set <key=value> [--from <date>]
                """,
            discussion: """
                Settings are only added to: who set what, when, and from which date on. The value \
                \(SettingName.standard) takes one back. The keys:

                \(SettingName.allCases.map { "\($0.form) – \($0.accepted)" }.joined(separator: "\n"))
                """
        )

        @Argument(help: "The ledger.")
        var name: LedgerName

        @Option(
            help: ArgumentHelp(
                """
                What to set, such as weekly_hours.php-adult=20; may be given several times. All of \
                it is set or nothing.
                """,
                valueName: "key=value"
            )
        )
        var set: [String] = []

        @Option(
            help: ArgumentHelp(
                "The first date on which it counts; without it, today in the ledger's zone.",
                valueName: "date"
            )
        )
        var from: CalendarDate?

        @OptionGroup var options: LedgerOptions

        func validate() throws {
            _ = try newSettings
            if from != nil, set.isEmpty { throw ValidationError("--from goes with --set") }
        }

        private var newSettings: [NewSetting] {
            get throws {
                try set.map { text in
                    do {
                        return try NewSetting(text)
                    } catch {
                        throw ValidationError("--set \(error)")
                    }
                }
            }
        }

        func run() async throws {
            let (name, from, added) = (name, from, try newSettings)
            try await Session.run(options) { session in
                let database = session.database
                let ledger = try await database.ledger(named: name)
                let calendar = try LocalCalendar(timeZone: ledger.timeZone)
                let today = calendar.date(of: .now)
                let settings =
                    added.isEmpty
                    ? try await database.settings(of: ledger)
                    : try await database.set(
                        added,
                        from: from ?? today,
                        of: ledger,
                        by: Session.principal
                    )
                switch session.format {
                case .json: Console.print(LedgerSettingList(name, settings).json.bytes)
                case .text: Console.print(settings.document(today, calendar))
                }
            }
        }
    }
}

extension LedgerSettings {
    /// The settings for people: which are in force today, and what can be set.
    fileprivate func document(_ today: CalendarDate, _ calendar: LocalCalendar) -> Document {
        let rows = entries.map { setting in
            [
                setting.key, setting.value, setting.fromDate.description,
                isInForce(setting, on: today) ? "yes" : "",
                calendar.time(setting.recordedAt), setting.recordedBy,
            ]
        }
        let table = Document.Table.wide(
            "",
            ["Key", "Value", "From", "Today", "Recorded", "By"],
            rows
        )
        return Document(
            "Settings",
            isTitleShown: false,
            (rows.isEmpty ? [] : [.table(table)])
                + [
                    .notes(
                        SettingName.allCases.map {
                            "\($0.form): \($0.accepted); without it \($0.standardWords)."
                        }
                    )
                ]
        )
    }
}
