import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Synchronization

/// A request that is allowed, with what its path and query say.
struct Call: Sendable {
    let service: LedgerService
    let request: Request
    let context: LedgerRequestContext
    let principal: Principal
    let ledger: LedgerDescription
    /// That the request is allowed.
    let decision: AccessDecision
    let query: Query
    /// The whole body, where the request has one that is not a stream.
    let body: [UInt8]
    private let log = Returned()

    /// What was given, for the access log: positions and numbers, nothing of what they hold.
    private final class Returned: Sendable {
        let text = Mutex<String?>(nil)
        let isKept = Atomic(false)
    }

    init(
        service: LedgerService,
        request: Request,
        context: LedgerRequestContext,
        principal: Principal,
        ledger: LedgerDescription,
        decision: AccessDecision,
        query: Query,
        body: [UInt8]
    ) {
        self.service = service
        self.request = request
        self.context = context
        self.principal = principal
        self.ledger = ledger
        self.decision = decision
        self.query = query
        self.body = body
    }

    /// Says what the answer holds.
    func returned(_ text: String) { log.text.withLock { $0 = text } }

    /// What the answer holds, where that was said.
    var whatWasReturned: String? { log.text.withLock { $0 } }

    /// Says that the access log has the decision already.
    func decisionIsKept() { log.isKept.store(true, ordering: .releasing) }

    /// Whether the access log has the decision already.
    var keepsDecision: Bool { log.isKept.load(ordering: .acquiring) }

    var database: LedgerDatabase { service.database }

    var reader: EventReader { EventReader(database, ledger: ledger) }

    /// The episode of the path.
    func episode() throws -> EpisodeID {
        guard let text = context.parameters.get("episode"), let id = EpisodeID(text) else {
            throw Problem.badRequest("episode", "must be a UUID")
        }
        return id
    }
}

/// The parameters of a query: each is read once, by name; an unknown one is an error.
struct Query: Sendable {
    private let values: [String: String]

    /// Reads the query of a request.
    ///
    /// - Parameter names: the parameters that the request knows.
    init(_ request: Request, allowing names: Set<String>) throws {
        var values: [String: String] = [:]
        for (name, value) in request.uri.queryParameters {
            let name = String(name)
            guard names.contains(name) else {
                // Not named: who has mixed up fields may have put anything there.
                let known = names.isEmpty ? "none" : names.sorted().joined(separator: ", ")
                throw Problem.badRequest("query", "has an unknown parameter; it may have \(known)")
            }
            // No text in the database can hold it.
            guard !value.utf8.contains(0) else {
                throw Problem.badRequest(name, "must not hold a NUL character")
            }
            guard values.updateValue(String(value), forKey: name) == nil else {
                throw Problem.badRequest(name, "is given twice")
            }
        }
        self.values = values
    }

    /// The parameters as they were given, for the access log: no health information among them.
    func described(_ names: Set<String>) -> String? {
        let shown = values.filter { names.contains($0.key) }.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value.prefix(64))" }
        return shown.isEmpty ? nil : shown.joined(separator: "&")
    }

    func string(_ name: String) -> String? { values[name] }

    func required(_ name: String) throws -> String {
        guard let value = values[name] else { throw Problem.badRequest(name, "is required") }
        return value
    }

    /// A whole number in a range.
    func integer(
        _ name: String,
        in range: ClosedRange<Int64>,
        default standard: Int64
    ) throws -> Int64 {
        guard let text = values[name] else { return standard }
        guard let number = Int64(text), range.contains(number), String(number) == text else {
            throw Problem.badRequest(
                name,
                "must be a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    func episode(_ name: String) throws -> EpisodeID? {
        try values[name].map { text in
            guard let id = EpisodeID(text) else { throw Problem.badRequest(name, "must be a UUID") }
            return id
        }
    }

    func date(_ name: String) throws -> CalendarDate? {
        try values[name].map { text in
            guard let date = CalendarDate(iso8601: text) else {
                throw Problem.badRequest(name, "must be a date, such as 2025-12-31")
            }
            return date
        }
    }

    /// RFC 3339, or a date, which means its 24:00 in the ledger's zone.
    func instant(_ name: String, _ calendar: LocalCalendar) throws -> Instant? {
        try values[name].map { text in
            if let date = CalendarDate(iso8601: text) {
                return calendar.startOfDay(date.adding(days: 1))
            }
            guard let instant = Instant(rfc3339: text) else {
                throw Problem.badRequest(
                    name,
                    "must be a time with an offset, such as 2025-12-31T12:00:00Z, or a date"
                )
            }
            return instant
        }
    }

    /// Types of events, separated by commas.
    func types() throws -> Set<EventType>? {
        try values["types"].map { text in
            let names = text.split(separator: ",", omittingEmptySubsequences: false)
            return try Set(
                names.map { name in
                    guard let type = EventType(rawValue: String(name)) else {
                        throw Problem.badRequest("types", "must be types of events, with commas")
                    }
                    return type
                }
            )
        }
    }

    func clock() throws -> KnowledgeClock {
        guard let text = values["known_by"] else { return .source }
        guard let clock = KnowledgeClock(rawValue: text) else {
            throw Problem.badRequest("known_by", "must be source or ledger")
        }
        return clock
    }
}

extension Position {
    /// The highest position that a request may name.
    static let most: Int64 = 1 << 53
}
