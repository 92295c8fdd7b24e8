import CareEpisode
import FoundationEssentials
import Ledger
public import Logging
import ProjectionRuntime

/// Log lines as JSON on standard error, one object a line, by way of ``LogQueue``.
public struct JSONLog: LogHandler {
    /// The least level that is written.
    public var logLevel: Logger.Level
    /// What every line carries.
    public var metadata: Logger.Metadata = [:]
    private let label: String
    private let queue: LogQueue

    /// A log.
    public init(label: String, level: Logger.Level) {
        self.init(label: label, level: level, queue: .standardError)
    }

    init(label: String, level: Logger.Level, queue: LogQueue) {
        (self.label, self.queue) = (label, queue)
        logLevel = level
    }

    /// One value of the metadata.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line.
    public func log(event: LogEvent) {
        var members: [(name: String, value: AnswerJSON)] = [
            ("at", .instant(.now)), ("level", .string(event.level.rawValue)),
            ("message", .string("\(event.message)")),
        ]
        // What the line says of itself counts more than what every line carries.
        var all = Array(event.metadata ?? [:])
        for member in metadata where event.metadata?[member.key] == nil { all.append(member) }
        for (name, value) in all.sorted(by: { $0.key < $1.key }) {
            members.append((name == "hb.request.id" ? "request_id" : name, .string("\(value)")))
        }
        queue.put(AnswerJSON.object(members).bytes + [0x0A])
    }
}
