import Foundation
import Synchronization

/// The offsets of one zone as a table, because asking Foundation for each event is slow and because
/// it does not say what a day's first instant is.
///
/// All times are whole seconds since 1970, UTC, and offsets are seconds east of UTC.
final class ZoneOffsets: Sendable {
    private let starts: [Int]
    private let offsets: [Int]

    private static let years = -2_208_988_800..<7_258_118_400
    private static let week = 7 * 86_400
    private static let known = Mutex<[String: ZoneOffsets]>([:])

    /// The zones of the IANA database without a slash in their name.
    ///
    /// Foundation also takes abbreviations (`IST`, `PST`) and offsets (`GMT+5`) that no database
    /// of zones has, or has with another meaning.
    private static let wholeNames: Set<String> = [
        "UTC", "UCT", "Universal", "Zulu", "GMT", "GMT0", "GMT+0", "GMT-0", "Greenwich",
        "EST", "MST", "HST", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT", "WET", "CET", "MET",
        "EET", "Cuba", "Egypt", "Eire", "GB", "GB-Eire", "Hongkong", "Iceland", "Iran", "Israel",
        "Jamaica", "Japan", "Kwajalein", "Libya", "NZ", "NZ-CHAT", "Navajo", "PRC", "Poland",
        "Portugal", "ROC", "ROK", "Singapore", "Turkey", "W-SU",
    ]

    /// The table of a zone, made once per process (some milliseconds); nil for an unknown zone.
    static func of(_ identifier: String) -> ZoneOffsets? {
        if let table = known.withLock({ $0[identifier] }) { return table }
        guard identifier.contains("/") || wholeNames.contains(identifier),
            let zone = TimeZone(identifier: identifier)
        else { return nil }
        let table = ZoneOffsets(zone)
        known.withLock { $0[identifier] = table }
        return table
    }

    /// Probes every week and searches between two probes that differ: no zone ever changed its
    /// offset and changed it back within a week, while Foundation's own list of transitions
    /// promises only those of daylight saving time.
    private init(_ zone: TimeZone) {
        let offset = { (seconds: Int) in
            zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
        }
        var current = offset(ZoneOffsets.years.lowerBound)
        var starts = [Int.min]
        var offsets = [current]
        for probe in stride(
            from: ZoneOffsets.years.lowerBound,
            to: ZoneOffsets.years.upperBound,
            by: ZoneOffsets.week
        )
        where offset(probe) != current {
            var before = probe - ZoneOffsets.week
            var after = probe
            while after - before > 1 {
                let middle = before + (after - before) / 2
                if offset(middle) == current { before = middle } else { after = middle }
            }
            current = offset(probe)
            starts.append(after)
            offsets.append(current)
        }
        self.starts = starts
        self.offsets = offsets
    }

    func offset(at seconds: Int) -> Int { offsets[segment(at: seconds)] }

    /// Whether the offset changed within the day before `seconds`.
    func changes(near seconds: Int) -> Bool {
        starts[segment(at: seconds)] > seconds - 86_400
    }

    /// The first instant at which the local clock shows `local` (seconds since 1970-01-01 00:00
    /// local time) or later.
    func firstInstant(onOrAfterLocal local: Int) -> Int {
        // Offsets lie within 26 hours of UTC, so no earlier segment can reach that local time.
        var index = segment(at: local - 26 * 3600)
        while true {
            let candidate = max(starts[index], local - offsets[index])
            if index + 1 == starts.count || candidate < starts[index + 1] { return candidate }
            index += 1
        }
    }

    private func segment(at seconds: Int) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= seconds { low = middle } else { high = middle }
        }
        return low
    }
}
