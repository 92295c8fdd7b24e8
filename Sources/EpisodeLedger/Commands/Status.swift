import ArgumentParser
import CareEpisode
import Documents
import Ledger
import Markup
import Migrations
import Postgres
import ProjectionRuntime

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the database, the ledger's head and its read models on one screen.",
        usage: "episode-ledger status [<options>]"
    )

    @OptionGroup var options: LedgerOptions

    func run() async throws {
        let dataDirectory = options.dataDirectory
        var options = options
        let isPage = options.format == .html
        // The session itself prints no pages.
        if isPage { options.format = .text }
        try await Session.run(options) { session in
            let ledger = try await session.ledger()
            let head = try await EventReader(session.database, ledger: ledger).head()
            let rows = try await session.database.reader.query(
                "select current_setting('server_version') as version, current_database() as name"
            )
            guard let row = rows.first else { throw Failure.failed("the database says nothing") }
            let version = try row.get("version", as: String.self)
            let name = try row.get("name", as: String.self)
            let projections = try await ProjectionStatus.all(session.database, ledger: ledger)
            let seal = try await SealStatus(session.database, ledger: ledger)
            let accesses = try await AccessStatus(session.database, ledger: ledger)
            let (roles, mighty) = try await Session.withMigrator(session.database.configuration) {
                (try await $0.roleStatus(), try await $0.mightyUser())
            }
            switch session.format {
            case .json:
                var answer: AnswerJSON = [
                    "database": [
                        "name": .string(name),
                        "server_version": .string(version),
                        "schema_version": .integer(Int64(Migration.all.count)),
                        "embedded": .bool(session.isEmbedded),
                        "roles": roles.json(mighty: mighty),
                    ],
                    "ledger": .string(ledger.name.description),
                    "time_zone": .string(ledger.timeZone),
                    "head": .integer(head.position.rawValue),
                    "head_recorded_at": .instant(head.recordedAt),
                    "projections": .array(projections.map(\.json)),
                    "seal": seal.json,
                    "access_log": accesses.json,
                ]
                if head.secondsAhead >= 1, case .object(let members) = answer {
                    let ahead: AnswerJSON = .number(head.secondsAhead.rounded())
                    answer = .object(members + [("head_ahead_seconds", ahead)])
                }
                Console.print(answer.bytes)
            case .text:
                let kind = session.isEmbedded ? "private cluster in \(dataDirectory)" : "external"
                let ahead =
                    head.secondsAhead < 1
                    ? []
                    : [
                        "AHEAD of the database's clock by \(Words.decimal(head.secondsAhead)) s: "
                            + "until then every event is recorded at this instant"
                    ]
                let recorded = head.recordedAt.map { ", recorded \($0)" } ?? ""
                let lines = projections.flatMap(\.lines)
                let facts: [(label: String, lines: [String])] = [
                    ("Database", ["\(name), PostgreSQL \(version), \(kind)"]),
                    ("Schema", ["version \(Migration.all.count), current"] + roles.lines),
                    ("Roles", [mighty.map(Self.protectsNothing) ?? Self.protects]),
                    ("Ledger", ["\(ledger.name), days in \(ledger.timeZone)"]),
                    (
                        "Head",
                        ["position \(Words.grouped(head.position.rawValue))\(recorded)"] + ahead
                    ),
                    ("Read models", lines.isEmpty ? ["none has been asked for yet"] : lines),
                    ("Seal", seal.lines),
                    ("Access log", accesses.lines),
                ]
                let document = Document(
                    "Status",
                    isTitleShown: false,
                    [.facts(facts.map { Document.Fact(label: $0.label, lines: $0.lines) })]
                )
                if isPage {
                    Console.write(Array("\(document.html)\n".utf8))
                } else {
                    Console.print(document)
                }
            }
        }
    }
}

extension Status {
    fileprivate static let protects =
        "this user may append, project and read; what is recorded and sealed it writes by functions alone"

    fileprivate static func protectsNothing(_ name: String) -> String {
        "\(name) may act as ledger_owner: roles protect nothing from whoever has this login (docs/operate.md)"
    }
}

extension RoleStatus {
    /// What `migrate` and `status` say of it, for people; nothing where all is as it should be.
    var lines: [String] {
        guard case .unfinished(let sessions) = self else { return [] }
        let older =
            sessions == 0
            ? "no older program is connected"
            : "\(sessions) of an older program's sessions \(sessions == 1 ? "is" : "are") connected"
        return [
            "Privileges of an older program are still there; \(older): "
                + "run `episode-ledger migrate --finish` once the new program runs everywhere."
        ]
    }

    func json(mighty: String?) -> AnswerJSON {
        var sessions: Int64 = 0
        if case .unfinished(let older) = self { sessions = Int64(older) }
        return [
            "finished": .bool(self == .finished),
            "older_sessions": .integer(sessions),
            "user_may_act_as_owner": .bool(mighty != nil),
        ]
    }
}

extension SealStatus {
    /// What `status` says of it.
    var json: AnswerJSON {
        [
            "origin": .text(origin),
            "size": .integer(size),
            "sealed_at": .instant(sealedAt),
            "unsealed": .integer(unsealed),
            "lag_seconds": .number((lagSeconds * 1_000).rounded() / 1_000),
            "lease_holder": .text(holder),
            "trouble": .text(trouble),
            "trouble_position": troublePosition.map { .integer($0.rawValue) } ?? .null,
        ]
    }

    /// The same for people.
    var lines: [String] {
        var line = "nothing is sealed yet"
        if let origin, let sealedAt {
            line = "\(Words.grouped(size)) events as \(origin), sealed \(sealedAt)"
        }
        if unsealed > 0 {
            line += ", \(Words.grouped(unsealed)) not sealed for \(Words.decimal(lagSeconds)) s"
        }
        line += holder.map { ", sealer \($0)" } ?? ", no sealer"
        return [line] + (trouble.map { ["TROUBLE: \($0)"] } ?? [])
    }
}

extension AccessStatus {
    /// What `status` says of it.
    var json: AnswerJSON {
        [
            "origin": .text(origin),
            "size": .integer(size),
            "sealed_at": .instant(sealedAt),
            "unsealed": .integer(unsealed),
            "unsealed_since": .instant(unsealedSince),
            "trouble": .text(trouble),
            "trouble_number": troubleNumber.map { .integer($0) } ?? .null,
        ]
    }

    /// The same for people.
    var lines: [String] {
        var line = unsealed > 0 ? "nothing is sealed yet" : "empty"
        if let origin, let sealedAt {
            line = "\(Words.grouped(size)) entries as \(origin), sealed \(sealedAt)"
        }
        if unsealed > 0 {
            let most = unsealed < Self.countLimit ? "" : " or more"
            let since = unsealedSince.map { ", since \($0)" } ?? ""
            line += ", \(Words.grouped(unsealed))\(most) not sealed\(since)"
        }
        return [line] + (trouble.map { ["TROUBLE: \($0)"] } ?? [])
    }
}
