/// Parses what writers send, by the rules of `docs/events.md`, "Shape".
public enum EventParser {
    /// Where an event comes from, which decides on the fields of its envelope.
    public enum Source: Sendable {
        /// A person at the command line or over HTTP, who may not say `source_recorded_at`.
        case writer
        /// A service or administrator over HTTP, who may.
        case trusted
        /// A line of an import, which may, and which names its `episode_id`.
        case importLine
    }

    /// Parses one line of an import file, without its newline.
    ///
    /// Throws a ``Refusal`` with all errors, in the order of the line.
    public static func parseLine(
        _ json: [UInt8]
    ) throws(Refusal) -> (episodeID: EpisodeID, draft: EventDraft) {
        guard isOneEvent(json) else { throw Refusal(errors: [tooLarge]) }
        let shape = try ShapeReader(json)
        let envelope = shape.object(at: 0).map { Envelope(reading: $0, .importLine) }
        return try shape.accepted(
            envelope.flatMap { envelope in envelope.draft.map { (envelope.episodeID, $0) } }
        )
    }

    /// What a request sends.
    public struct Request: Sendable {
        /// In order; 1 to 256.
        public let events: [EventDraft]
        /// Whether they were sent as an array, so that errors point into it (`/0/data/…`).
        public let isList: Bool
    }

    /// Parses a request: one event, or an array of 1 to 256.
    ///
    /// Throws a ``Refusal`` with all errors, in the order of the request; the pointers into an array
    /// begin with the event's index: `/0/data/minutes`.
    public static func parseRequest(
        _ json: [UInt8],
        from source: Source
    ) throws(Refusal) -> Request {
        let isList = json.first { !isWhite($0) } == UInt8(ascii: "[")
        guard isList ? json.count <= JSONLimits.requestBytes : isOneEvent(json) else {
            throw Refusal(errors: [tooLarge])
        }
        let shape = try ShapeReader(
            json,
            nesting: JSONLimits.nesting + (isList ? 1 : 0),
            elementBytes: isList ? JSONLimits.eventBytes : .max
        )
        var events = [0]
        if isList {
            events = shape.elements(of: 0)
            if shape.document.nodes[0].count == 0 {
                shape.refuse(0, "too_few", "must be an event or an array of 1 to 256 events")
            }
        }
        var drafts: [EventDraft] = []
        for event in events {
            guard let object = shape.object(at: event) else { continue }
            let value = shape.document.nodes[event]
            if Int(value.end - value.offset) > JSONLimits.eventBytes {
                shape.refuse(event, tooLarge.code, tooLarge.detail)
                continue
            }
            if let draft = Envelope(reading: object, source).draft { drafts.append(draft) }
        }
        return try shape.accepted(Request(events: drafts, isList: isList))
    }

    /// Looks at the body of a request while it arrives: one event that is too large need not be read to
    /// its end.
    public struct Arrival {
        private var count = 0
        /// Where the first byte is that is no white space.
        private var first: Int?
        private var isList = false

        /// Nothing has arrived.
        public init() {}

        /// Takes the next bytes.
        ///
        /// - Throws: the ``Refusal`` of ``parseRequest(_:from:)``, as soon as it is certain.
        public mutating func take(_ bytes: some BidirectionalCollection<UInt8>) throws(Refusal) {
            defer { count += bytes.count }
            guard !isList, let end = bytes.lastIndex(where: { !isWhite($0) }) else { return }
            if first == nil, let start = bytes.firstIndex(where: { !isWhite($0) }) {
                first = count + bytes.distance(from: bytes.startIndex, to: start)
                isList = bytes[start] == UInt8(ascii: "[")
            }
            let last = count + bytes.distance(from: bytes.startIndex, to: end)
            guard let first, !isList, last - first >= JSONLimits.eventBytes else { return }
            throw Refusal(errors: [tooLarge])
        }
    }

    private static let tooLarge = FieldError(
        pointer: "",
        code: "too_large",
        detail: "must have at most \(JSONLimits.eventBytes) bytes"
    )

    private static func isWhite(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    private static func isOneEvent(_ json: [UInt8]) -> Bool {
        json.count <= JSONLimits.eventBytes
            || json.count <= JSONLimits.requestBytes && trimmedCount(json) <= JSONLimits.eventBytes
    }

    /// The bytes without the white space around them, which is not part of the event.
    private static func trimmedCount(_ json: [UInt8]) -> Int {
        guard let first = json.firstIndex(where: { !isWhite($0) }),
            let last = json.lastIndex(where: { !isWhite($0) })
        else { return 0 }
        return last - first + 1
    }
}
