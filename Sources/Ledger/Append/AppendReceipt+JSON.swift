public import CareEpisode

extension AppendReceipt: JSONObject {
    /// What the ledger added to an event, as `append` and `POST …/events` tell it.
    public static let fields: [JSONField<Self>] = [
        .init("event_id", \.eventID),
        .init("version", \.version),
        .init("position", \.position),
        .init("recorded_at", \.recordedAt),
        .init("leaf_hash") { hexadecimal($0.leafHash) },
        .init("duplicate", \.duplicate),
    ]
}
