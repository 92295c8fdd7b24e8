public import CareEpisode
import Documents
public import ProjectionRuntime

/// What differs in an answer, in words: of a part that is there both times, the members that differ.
public struct ChangeWords: Sendable {
    /// The part, such as "medications, changed", or "in force: sertraline".
    public let item: String
    /// What it said before; nil where it was not there.
    public let before: String?
    /// What it says now; nil where it is gone.
    public let after: String?

    /// A change of an answer about one episode.
    ///
    /// - Parameter calendar: of the ledger's zone.
    public init(_ change: KnowledgeDifference.Change, _ calendar: LocalCalendar) {
        let parts = change.item.split(separator: "/").map(String.init)
        let name = SummaryWords.medicationName(change.after ?? change.before)
        if let list = Self.lists[parts[0]], let name {
            item = "\(list): \(name)"
        } else {
            item = SummaryWords.item(change.item)
        }
        (before, after) = Self.differing(change, calendar)
    }

    private static let lists = [
        "active": "in force", "held": "held", "scheduled": "ordered for later",
        "later": "became known later", "timeline": "course", "changes": "change",
    ]

    /// Members that point elsewhere or repeat others.
    private static let pointers: Set<String> = [
        "lineage", "lineages", "event_id", "event_ids", "episode_id", "rxcui", "ndc", "order_id",
        "matched_by", "assessed", "route_group", "substances", "interval_days", "single_dose",
        "on_arrival", "week", "held_by",
    ]

    private static func differing(
        _ change: KnowledgeDifference.Change,
        _ calendar: LocalCalendar
    ) -> (before: String?, after: String?) {
        let before = change.before.map(told)
        let after = change.after.map(told)
        if change.item == "rate" {
            func percent(_ value: AnswerJSON) -> String {
                guard case .number(let rate) = value else {
                    return SummaryWords.value(value, calendar)
                }
                return "\(Words.number((rate * 1_000).rounded() / 10))%"
            }
            return (before.map(percent), after.map(percent))
        }
        func words(_ value: AnswerJSON) -> String {
            SummaryWords.medication(value) ?? SummaryWords.value(value, calendar)
        }
        guard case .object(let old)? = before, case .object(let new)? = after else {
            return (before.map(words), after.map(words))
        }
        func rest(_ members: [(name: String, value: AnswerJSON)], _ others: [String: [UInt8]])
            -> String
        {
            let members = members.filter { others[$0.name] != $0.value.bytes }
            return SummaryWords.value(.object(members), calendar)
        }
        func bytes(_ members: [(name: String, value: AnswerJSON)]) -> [String: [UInt8]] {
            Dictionary(members.map { ($0.name, $0.value.bytes) }, uniquingKeysWith: { $1 })
        }
        return (rest(old, bytes(new)), rest(new, bytes(old)))
    }

    /// A value without what people need not read.
    private static func told(_ value: AnswerJSON) -> AnswerJSON {
        switch value {
        case .object(let members):
            .object(
                members.filter { !pointers.contains($0.name) }.map { name, value in
                    guard name == "hours", case .number(let hours) = value else {
                        return (name, told(value))
                    }
                    // Minutes are told apart, no more.
                    return (name, .number((hours * 100).rounded() / 100))
                }
            )
        case .array(let elements): .array(elements.map(told))
        default: value
        }
    }
}
