import CareEpisode
import TransparencyLog

/// An event with all of its columns as a line of JSON: what an export holds beside the entries, so
/// that an outsider can check header, payload and columns too.
enum EvidenceLine {
    /// The line, members in alphabetical order, without the newline; times in microseconds since 1970
    /// UTC, bytes in base64.
    static func write(_ row: EventRow) -> String {
        let type = row.type.name.unicodeScalars.map { scalar in
            // A type that was tampered with may be any text.
            ("a"..."z").contains(scalar) || scalar == "_" ? String(scalar) : "?"
        }.joined()
        return """
            {"commitment":"\(Base64.encode(row.commitment))","episode_id":"\(row.episodeID)",\
            "event_id":"\(row.eventID)","header":"\(Base64.encode(row.header))",\
            "known_at":\(row.knownAt.microseconds),"leaf_hash":"\(Base64.encode(row.leafHash))",\
            "nonce":"\(Base64.encode(row.nonce))","occurred_at":\(row.occurredAt.microseconds),\
            "payload":"\(Base64.encode(row.payload))","position":\(row.position),\
            "recorded_at":\(row.recordedAt.microseconds),"type":"\(type)",\
            "version":\(row.version)}
            """
    }

    /// The longest line that is read, in bytes: an event has at most a quarter of it.
    static let lengthLimit = 1 << 20

    /// Reads a line as ``write(_:)`` makes it; nil where it is none.
    static func read(_ line: ArraySlice<UInt8>) -> EventRow? {
        guard line.count <= lengthLimit else { return nil }
        return line.withUnsafeBufferPointer { buffer in
            var scanner = Scanner(buffer)
            guard let commitment = scanner.bytes("{\"commitment\":\""),
                let episode: EpisodeID = scanner.identifier("\",\"episode_id\":\""),
                let event: EventID = scanner.identifier("\",\"event_id\":\""),
                let header = scanner.bytes("\",\"header\":\""),
                let knownAt = scanner.integer("\",\"known_at\":"),
                let leafHash = scanner.bytes(",\"leaf_hash\":\""),
                let nonce = scanner.bytes("\",\"nonce\":\""),
                let occurredAt = scanner.integer("\",\"occurred_at\":"),
                let payload = scanner.bytes(",\"payload\":\""),
                let position = scanner.integer("\",\"position\":"),
                let recordedAt = scanner.integer(",\"recorded_at\":"),
                let type = scanner.text(",\"type\":\""),
                let version = scanner.integer("\",\"version\":"),
                scanner.isAtEnd("}")
            else { return nil }
            return EventRow(
                position: Position(position),
                version: Version(version),
                eventID: event,
                episodeID: episode,
                type: RecordedType(type),
                occurredAt: Instant(microseconds: occurredAt),
                recordedAt: Instant(microseconds: recordedAt),
                knownAt: Instant(microseconds: knownAt),
                payload: payload,
                header: header,
                leafHash: leafHash,
                commitment: commitment,
                nonce: nonce
            )
        }
    }

    /// Walks a line once: before each value stands what is expected there.
    private struct Scanner {
        private let line: UnsafeBufferPointer<UInt8>
        private var index = 0

        init(_ line: UnsafeBufferPointer<UInt8>) {
            self.line = line
        }

        private mutating func skip(_ text: StaticString) -> Bool {
            let expected = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
            guard line[index...].starts(with: expected) else { return false }
            index += expected.count
            return true
        }

        func isAtEnd(_ text: StaticString) -> Bool {
            var rest = self
            return rest.skip(text) && rest.index == line.count
        }

        /// Up to the next quotation mark; no value holds one.
        private mutating func quoted(_ name: StaticString) -> Slice<UnsafeBufferPointer<UInt8>>? {
            guard skip(name), let end = line[index...].firstIndex(of: UInt8(ascii: "\"")) else {
                return nil
            }
            defer { index = end }
            return line[index..<end]
        }

        mutating func text(_ name: StaticString) -> String? {
            quoted(name).map { String(decoding: $0, as: UTF8.self) }
        }

        mutating func identifier<ID: UniqueIdentifier>(_ name: StaticString) -> ID? {
            guard let text = text(name), let identifier = ID(text), "\(identifier)" == text else {
                return nil
            }
            return identifier
        }

        mutating func bytes(_ name: StaticString) -> [UInt8]? {
            quoted(name).flatMap { Base64.decode(utf8: $0) }
        }

        mutating func integer(_ name: StaticString) -> Int64? {
            guard skip(name) else { return nil }
            let digits = line[index...].prefix { $0 == UInt8(ascii: "-") || $0 &- 48 < 10 }
            index += digits.count
            let text = String(decoding: digits, as: UTF8.self)
            return Int64(text).flatMap { String($0) == text ? $0 : nil }
        }
    }
}
