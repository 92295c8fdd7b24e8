public import CareEpisode

extension AppendReceipt {
    /// What the ledger added to an event, as `append` and `POST …/events` tell it.
    public var json: AnswerJSON {
        [
            "event_id": .string(eventID.description),
            "version": .integer(version.rawValue),
            "position": .integer(position.rawValue),
            "recorded_at": .instant(recordedAt),
            "leaf_hash": .string(hexadecimal(leafHash)),
            "duplicate": .bool(duplicate),
        ]
    }
}
