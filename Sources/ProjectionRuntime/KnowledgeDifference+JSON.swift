public import CareEpisode
import Ledger

extension KnowledgeDifference: AnswerValue {
    /// The members of the answer of `--diff`, after those that say what was compared.
    public static let answer: [JSONField<LedgerAnswer<KnowledgeDifference>>] = [
        .init("from", \.value.first),
        .init("to", \.value.second),
        .init("known_by", \.value.clock),
        .position,
        .init("differences", \.value.changes),
        .parked,
    ]
}

extension KnowledgeDifference.Change: JSONObject {
    /// The members of a part that differs.
    public static let fields: [JSONField<Self>] = [
        .init("item", \.item),
        .init("before", \.before),
        .init("after", \.after),
        .init("because", \.because),
    ]
}
