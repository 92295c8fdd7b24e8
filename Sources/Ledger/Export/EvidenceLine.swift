import CareEpisode
import TransparencyLog

/// An event with all of its columns as a line of JSON: what an export holds beside the entries, so
/// that an outsider can check header, payload and columns too.
enum EvidenceLine {
    /// The line, members in alphabetical order, without the newline; times in microseconds since 1970
    /// UTC, bytes in base64.
    static func write(_ row: EvidenceRow) -> String {
        let type = row.type.unicodeScalars.map { scalar in
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

    /// Reads a line; nil where it is none.
    static func read(_ line: ArraySlice<UInt8>) -> EvidenceRow? {
        let object = CanonicalObject(line)
        func bytes(_ name: StaticString) -> [UInt8]? {
            object.rawValue(name).flatMap { value in
                guard value.count >= 2, value.first == UInt8(ascii: "\"") else { return nil }
                return Base64.decode(
                    String(decoding: value.dropFirst().dropLast(), as: UTF8.self)
                )
            }
        }
        guard let commitment = bytes("commitment"),
            let episode = object.uuidBits("episode_id"), let event = object.uuidBits("event_id"),
            let header = bytes("header"), let knownAt = object.int("known_at"),
            let leafHash = bytes("leaf_hash"), let nonce = bytes("nonce"),
            let occurredAt = object.int("occurred_at"), let payload = bytes("payload"),
            let position = object.int("position"), let recordedAt = object.int("recorded_at"),
            let type = object.string("type"), let version = object.int("version")
        else { return nil }
        return EvidenceRow(
            position: Position(Int64(position)),
            version: Version(Int64(version)),
            eventID: EventID(bits: event),
            episodeID: EpisodeID(bits: episode),
            type: type,
            occurredAt: Instant(microseconds: Int64(occurredAt)),
            recordedAt: Instant(microseconds: Int64(recordedAt)),
            knownAt: Instant(microseconds: Int64(knownAt)),
            nonce: nonce,
            commitment: commitment,
            leafHash: leafHash,
            header: header,
            payload: payload
        )
    }
}
