internal import CareEpisode

/// One session of a program's block, the same for everybody of one group who is there; its id is that
/// of the whole series where the program's groups have one.
///
/// It follows from the seed, the program, the group, the day and its place in the block, so that
/// episodes share it without knowing of each other.
struct GroupSession {
    let id: String
    let part: Program.Part
    /// When it was to begin, and when it did.
    let scheduled, start: Instant
    let minutes: Int
    let size: Int
    let topic: String
    let mode: ContactMode
    let isCancelled: Bool

    init(seed: UInt64, program: Program, cohort: Int, day: ClinicDay, part index: Int) {
        let place = UInt64(day.number) << 32 | UInt64(cohort) << 8 | UInt64(program.number) << 4
        var block = SeededGenerator(seed: seed, stream: 7, index: place)
        let isCancelled = block.chance(perMille: 6)
        self.isCancelled = isCancelled || program.isClosed(inWeekOf: day, seed: seed)
        mode = block.chance(perMille: 120) ? .video : .inPerson
        size = block.integer(in: 6...12)
        let part = program.block[index]
        self.part = part
        scheduled = day.at(minute: program.hours.block + part.offset)
        var random = SeededGenerator(seed: seed, stream: 8, index: place | UInt64(index))
        let delay = random.pick([0, 0, 0, 2, 3, 5])
        start = scheduled.advanced(bySeconds: Int64(60 * delay))
        minutes = part.minutes - delay
        topic = random.pick(part.topics)
        var first = scheduled
        if program.meetsInSeries {
            // The same in every week: 2020-01-01, and the weekday in place of the day.
            first = ClinicDay(18_262).utcMidnight
            let series = UInt64(day.weekday) << 32 | place & 0xFFFF_FFFF | UInt64(index)
            random = SeededGenerator(seed: seed, stream: 10, index: series)
        }
        id = EventID.timeOrdered(at: first, using: &random).description
    }
}
