import CareEpisode
import Ledger
import Migrations
import Postgres
import ProjectionRuntime

/// Whether the service can do what requests need, and what was looked at.
struct Readiness: JSONDescribed, Sendable {
    /// What was looked at, and what is wrong with it; nil where it is as it should be.
    private var checks: [(name: String, problem: String?)] = []

    var isReady: Bool { checks.allSatisfy { $0.problem == nil } }

    /// Looks: the schema, whether the database can be written, whether decisions are kept, whether each
    /// ledger can be sealed, and the keys of tokens.
    ///
    /// - Parameter names: whether ledgers are named; else it is said that there is such a one.
    init(_ service: LedgerService, naming names: Bool) async {
        do {
            let schema = try await Migrator(service.database.reader).shortfall(
                deadline: .now + .seconds(3)
            )
            checks.append(("database", nil))
            checks.append(("schema", schema))
            let found = try await withTimeout(service.settings.requestTimeout) {
                try await Self.faults(service)
            }
            for (name, ledger, problem) in found {
                let told = ledger.map { names ? "\(name) of \($0)" : name } ?? name
                if !checks.contains(where: { $0.name == told }) { checks.append((told, problem)) }
            }
        } catch {
            checks.append(("database", Problem(error).detail))
        }
        if !service.authenticator.hasKeys { checks.append(("keys", "cannot be fetched")) }
    }

    /// What keeps requests from being answered although the database is there.
    private static func faults(
        _ service: LedgerService
    ) async throws -> [(name: String, ledger: String?, problem: String)] {
        var faults: [(name: String, ledger: String?, problem: String)] = []
        // A session that writes: those that only read may be on another server, and are on other places.
        let rows = try await service.database.writer.query(
            """
            select pg_is_in_recovery() as standby,
                current_setting('transaction_read_only') = 'on' as read_only
            """
        )
        if try rows[0].get("standby") {
            faults.append(("writing", nil, "the database is a standby, which cannot be written"))
        } else if try rows[0].get("read_only") {
            faults.append(("writing", nil, "the database is read-only"))
        } else if try await service.accessLog.isBroken() {
            faults.append(("access log", nil, "cannot be written"))
        }
        for fault in try await SealFault.all(service.database) {
            faults.append(("seal", "\(fault.ledger)", fault.reason))
        }
        for ledger in service.sealTrouble.keys.map(\.description).sorted()
        where !faults.contains(where: { $0.ledger == ledger }) {
            // The log has the reason, with the paths of files.
            let reason = "this process cannot seal it: key or checkpoint log are not in place"
            faults.append(("seal", ledger, reason))
        }
        return faults
    }

    /// By hand: which checks there are depends on what was found.
    static let schema: AnswerJSON = [
        "type": "object",
        "properties": ["status": ["type": "string", "enum": ["ready", "not ready"]]],
        "required": ["status"],
        "additionalProperties": String.schema,
    ]

    var json: AnswerJSON {
        .object(
            [("status", .string(isReady ? "ready" : "not ready"))]
                + checks.map { ($0.name, .string($0.problem ?? "ok")) }
        )
    }
}
