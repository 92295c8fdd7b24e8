import CareEpisode
import Documents

extension KnowledgeDifference {
    /// For people: of what is there both times only the members that differ, long values cut.
    var document: Document {
        let lists = changes.map { change in
            let events = change.because.map(\.description).joined(separator: ", ")
            return Document.Block.list(
                Document.List(
                    "",
                    [
                        Document.List.Item(
                            change.item,
                            details: change.lines
                                + ["because of \(events.isEmpty ? "nothing by itself" : events)"]
                        )
                    ]
                )
            )
        }
        let differ = changes.count == 1 ? "differs" : "differ"
        let summary =
            "\(Words.count(changes.count, "item")) \(differ) between what was known at "
            + "\(basis.time(first)) and at \(basis.time(second)) by \(clock.words).\(basis.parkedWords)"
        return Document("What differs", isTitleShown: false, lists + [.note(summary)])
    }
}

extension KnowledgeDifference.Change {
    /// What was there before and is there now, member by member.
    fileprivate var lines: [String] {
        guard let before, let after else {
            return after.map { ["new: \(Self.short($0))"] }
                ?? before.map { ["gone: \(Self.short($0))"] } ?? []
        }
        guard case .object(let old) = before, case .object(let new) = after else {
            return ["\(Self.short(before)) → \(Self.short(after))"]
        }
        let values = Dictionary(old.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        return new.compactMap { member in
            let value = values[member.name] ?? .null
            guard value.bytes != member.value.bytes else { return nil }
            return "\(member.name): \(Self.short(value)) → \(Self.short(member.value))"
        }
    }

    private static func short(_ value: AnswerJSON) -> String {
        let text = String(decoding: value.bytes, as: UTF8.self)
        return text.count > 160 ? text.prefix(159) + "…" : text
    }
}
