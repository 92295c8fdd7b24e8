import CareEpisode
import ProjectionRuntime

/// A doubt with the events that raise it, as an element of three columns.
protocol StoredFlag {
    associatedtype Kind: RawRepresentable<String>
    var flag: Kind { get }
    var at: Instant { get }
    var eventIDs: [EventID] { get }
    init(stored flag: Kind, at: Instant, eventIDs: [EventID])
}

extension EpisodeFlag: StoredFlag {
    init(stored flag: Flag, at: Instant, eventIDs: [EventID]) {
        self.init(flag: flag, at: at, eventIDs: eventIDs)
    }
}

extension MedicationFlag: StoredFlag {
    init(stored flag: Flag, at: Instant, eventIDs: [EventID]) {
        self.init(flag: flag, at: at, eventIDs: eventIDs)
    }
}

extension ColumnVisitor {
    /// `flag`, `flag_at` and `flag_events`, in which the ids of an element are joined with commas.
    mutating func flags<Flag: StoredFlag>(_ flags: inout [Flag]) throws {
        var names = flags.map(\.flag.rawValue)
        var times = flags.map(\.at.microseconds)
        var events = flags.map { $0.eventIDs.map(\.description).joined(separator: ",") }
        try self("flag", &names)
        try self("flag_at", &times)
        try self("flag_events", &events)
        flags = try names.indices.map { index in
            guard let flag = Flag.Kind(rawValue: names[index]) else { throw unknownCode("flag") }
            return Flag(
                stored: flag,
                at: Instant(microseconds: times[index]),
                eventIDs: events[index].split(separator: ",").compactMap { EventID($0) }
            )
        }
    }
}
