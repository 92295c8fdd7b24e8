/// One recorded event, its header and payload byte for byte as they are stored.
public struct RecordedEvent: Hashable, Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// The hash of the event's leaf in the ledger's Merkle tree, 32 bytes.
    public var leafHash: [UInt8]
    /// The canonical JSON of everything but `data`.
    public var header: [UInt8]
    /// The event as a fold sees it, with the payload.
    public var history: HistoryEvent

    /// A recorded event.
    public init(
        episodeID: EpisodeID,
        leafHash: [UInt8],
        header: [UInt8],
        history: HistoryEvent
    ) {
        self.episodeID = episodeID
        self.leafHash = leafHash
        self.header = header
        self.history = history
    }

    /// The event as one JSON object, as `docs/events.md` serves it: the header's members byte for byte,
    /// then `data`, `leaf_hash`, `position`, `recorded_at` and `version`.
    public func served() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(header.count + history.payload.count + 192)
        writeServed(to: &bytes)
        return bytes
    }

    /// Appends what ``served()`` returns.
    public func writeServed(to bytes: inout [UInt8]) {
        // The header without its last brace.
        bytes += header[..<max(header.count - 1, 0)]
        bytes += ",\"data\":".utf8
        bytes += history.payload
        bytes += ",\"leaf_hash\":\"".utf8
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * leafHash.count) { digits in
            for (index, byte) in leafHash.enumerated() {
                digits[2 * index] = hexadecimalDigit(byte >> 4)
                digits[2 * index + 1] = hexadecimalDigit(byte)
            }
            bytes.append(contentsOf: digits)
        }
        bytes += "\",\"position\":".utf8
        CanonicalNumber.write(Int(history.position.rawValue), to: &bytes)
        bytes += ",\"recorded_at\":\"".utf8
        history.recordedAt.write(to: &bytes)
        bytes += "\",\"version\":".utf8
        CanonicalNumber.write(Int(history.version.rawValue), to: &bytes)
        bytes.append(UInt8(ascii: "}"))
    }

    /// Events as one JSON array, each as ``served()``: in one piece, since a page has many.
    public static func served(_ events: [RecordedEvent]) -> AnswerJSON {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            events.reduce(2) { $0 + $1.header.count + $1.history.payload.count + 192 }
        )
        bytes.append(UInt8(ascii: "["))
        for (index, event) in events.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            event.writeServed(to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
        return .raw(bytes)
    }

    /// The event as a line of an import file, without the newline: what `export --as-import` writes.
    ///
    /// Its `source_recorded_at` is the time it was recorded where it has none of its own. Throws a
    /// ``Refusal`` where the header is none.
    public func importLine() throws -> [UInt8] {
        var draft = try draft()
        draft.sourceRecordedAt = draft.sourceRecordedAt ?? history.recordedAt
        return draft.importLine(episodeID: episodeID, payload: history.payload)
    }

    /// Reads the header; throws a ``Refusal`` where the bytes are none.
    public func decodeHeader() throws -> EventHeader { try EventHeader.decode(header) }

    /// The event as its writer sent it, normalised; throws a ``Refusal`` where the bytes are none.
    public func draft() throws -> EventDraft {
        let header = try decodeHeader()
        return EventDraft(
            eventID: header.eventID,
            schemaVersion: header.schemaVersion,
            occurredAt: header.occurredAt,
            author: header.author,
            sourceRecordedAt: header.sourceRecordedAt,
            correlationID: header.correlationID,
            causationID: header.causationID,
            data: try EventData.decode(
                header.type,
                schemaVersion: header.schemaVersion,
                payload: history.payload
            )
        )
    }
}

extension EventDraft {
    /// Whether this says the same as a recorded event, by `docs/events.md`, "Idempotency": all but
    /// `correlation_id`, `causation_id` and `recorded_by`, in canonical form.
    ///
    /// Throws a ``Refusal`` where the recorded header is none.
    public func hasSameContent(as other: RecordedEvent, in episode: EpisodeID) throws -> Bool {
        let header = try other.decodeHeader()
        return episode == header.episodeID && eventID == header.eventID && type == header.type
            && schemaVersion == header.schemaVersion && occurredAt == header.occurredAt
            && author == header.author && sourceRecordedAt == header.sourceRecordedAt
            && payload() == other.history.payload
    }
}
