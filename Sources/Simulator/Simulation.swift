public import CareEpisode

/// Plausible intensive-outpatient episodes that never happened, as lines for `import`.
///
/// The lines of one simulation are the same bytes on every machine and in every run. An episode
/// depends on the seed and its own number alone, so that episodes are written one after another
/// while time goes by: memory holds the episodes that are under way, never all of them.
///
/// How episodes end and who refers to them follows TEDS-D 2019; how long they last and what happens
/// in them are assumptions (docs/simulation.md) meant to be plausible to a clinician. Nothing in them
/// is a real person's. Times are those of a clinic in New York.
public struct Simulation: Sendable {
    /// How many people are admitted.
    public let episodes: Int
    /// What makes this simulation differ from others.
    public let seed: UInt64
    /// The first date (UTC) on which nothing is recorded any more.
    public let until: CalendarDate
    /// What is assumed for want of published figures.
    public let assumptions: SimulationAssumptions

    /// A simulation of `episodes` admissions (negative counts as none) in the time before `until`.
    ///
    /// Admissions are spread evenly over the 16 weeks before `until`, or as much longer as it takes
    /// to admit no more than 200 in 16 weeks, but at most over 10 years. So some episodes are still
    /// open at the end, and the census is that of one clinic until it is that of several.
    public init(
        episodes: Int,
        seed: UInt64,
        until: CalendarDate = Simulation.defaultEnd,
        assumptions: SimulationAssumptions = .standard
    ) {
        self.episodes = max(0, episodes)
        self.seed = seed
        self.until = until
        self.assumptions = assumptions
    }

    /// 2026-01-01.
    public static var defaultEnd: CalendarDate { CalendarDate(dayNumber: 20_454) }

    /// Calls `body` with each line, without its line feed, in the order of knowledge time.
    ///
    /// Lines known at the same microsecond come in the order of admission. Every line is an import
    /// line in canonical form (events.md), and the file as a whole is one that an import accepts
    /// without refusing a line, provided that `until` is not in the future.
    public func lines(_ body: (_ line: [UInt8]) throws -> Void) rethrows {
        let calendar = AdmissionCalendar(episodes: episodes, until: until)
        let end = ClinicDay(until.dayNumber).utcMidnight
        var queue = LineQueue()
        for number in 0..<episodes {
            let day = calendar.day(ofEpisode: number)
            // Nothing of this or a later episode is known before the day of this admission.
            try queue.drain(before: day.utcMidnight, body)
            let plan = EpisodePlan(
                number: number,
                seed: seed,
                admission: day,
                calendar: calendar,
                assumptions: assumptions
            )
            var writer = EpisodeWriter(plan: plan, seed: seed, end: end, assumptions: assumptions)
            queue.add(writer.write(), episode: number)
        }
        try queue.drain(before: end, body)
    }
}

/// On which days the episodes of a simulation begin: evenly spread, on days the clinic is open.
struct AdmissionCalendar {
    /// The number of episodes.
    let episodes: Int
    /// The first day on which anyone may be admitted.
    let first: ClinicDay
    /// The days from `first` to the last day of the simulation.
    let days: Int

    init(episodes: Int, until: CalendarDate) {
        self.episodes = episodes
        days = min(max(112, episodes * 112 / 200), 3650)
        first = ClinicDay(until.dayNumber - days)
    }

    /// Never falls as the episode's number rises.
    func day(ofEpisode number: Int) -> ClinicDay {
        let last = (first + (days - 1)).openOrPrevious
        return min((first + number * days / episodes).openOrNext, last)
    }

    /// How many episodes lie between one and another that begins so many days later.
    func episodes(inDays count: Int) -> Int {
        (count * episodes + days - 1) / days
    }
}
