import Documents
import Markup
import Projections

/// A kind of flag as pages show it: words first, color second.
public struct FlagWords: Hashable, Sendable {
    /// How serious it is.
    public enum Kind: String, Sendable {
        /// May harm now.
        case stop
        /// Is to be looked at soon.
        case warn
        /// Is to be known.
        case line
    }

    /// As the API has it.
    public let code: String
    /// As people read it.
    public let words: String
    /// How serious it is.
    public let kind: Kind

    private init(_ code: String, _ kind: Kind, _ words: String? = nil) {
        self.code = code
        self.words = words ?? Words.title(code)
        self.kind = kind
    }

    /// Every kind, the most serious first.
    public static let all: [FlagWords] = [
        .init("allergy_recorded", .stop, "Allergy recorded"),
        .init("opioid_and_benzodiazepine", .stop),
        .init("two_antipsychotics", .stop),
        .init("duplicate_active", .warn, "Same medication twice"),
        .init("stopped_still_listed", .warn, "Stopped, still listed"),
        .init("no_shows_in_a_row", .warn, "No-shows in a row"),
        .init("not_seen", .warn, "Not seen"),
        .init("below_weekly_hours", .warn, "Below threshold"),
        .init("unmatched_change", .line, "Change matches no medication"),
        .init("ambiguous_change", .line, "Change matches several medications"),
        .init("resume_without_hold", .line),
        .init("changed_while_held", .line),
        .init("stop_without_start", .line),
        .init("stopped_before_started", .line),
        .init("after_end", .line, "Change after the end"),
        .init("direction_mismatch", .line, "Dose goes the other way"),
        .init("changed_after_stop", .line),
        .init("life_cycle_conflict", .line, "Entries do not fit together"),
        .init("overlapping_episode", .line, "Counted twice"),
        .init("overlapping_sessions", .line),
        .init("outside_episode", .line, "Session outside the episode"),
        .init("duplicate_session", .line, "Session recorded twice"),
        .init("missed_and_attended", .line, "Missed and attended"),
        .init("group_size", .line, "More than the group’s size"),
        .init("incomplete_regimen", .line),
        .init("no_reason", .line),
        .init("late_entry", .line),
        .init("same_ingredient", .line),
        .init("not_reviewed", .line, "Medication not reviewed"),
    ]

    private static let places = Dictionary(
        uniqueKeysWithValues: all.enumerated().map { ($1.code, $0) }
    )

    /// The words of a code; one that no list has is as it is written.
    static func of(_ code: String) -> FlagWords {
        places[code].map { all[$0] } ?? FlagWords(code, .line)
    }

    /// Where it stands among all: 0 is the most serious.
    var seriousness: Int { Self.places[code] ?? Self.all.count }

    /// The sign of what may harm.
    static let sign = HTML.tag(
        "svg",
        ["viewBox": "0 0 12 12", "aria-hidden": "true"],
        [.tag("path", ["d": "M6 1 11.5 11H.5z", "fill": "currentColor"])]
    )

    /// A small label with a link.
    func chip(href: String, count: Int = 1) -> HTML {
        let text = count > 1 ? "\(words) ×\(count)" : words
        return .tag(
            "a",
            ["class": "chip \(kind.rawValue)", "href": href],
            (kind == .stop ? [Self.sign] : []) + [.text(text)]
        )
    }
}
