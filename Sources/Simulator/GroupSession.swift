internal import CareEpisode

/// One session of a program's block, the same for everybody of one group who is there.
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
        let place = UInt64(day.number) << 32 | UInt64(cohort) << 8 | program.number << 4
        var block = SeededGenerator(seed: seed, stream: 7, index: place)
        isCancelled = block.chance(perMille: 6)
        mode = block.chance(perMille: 120) ? .video : .inPerson
        size = block.integer(in: 6...12)
        let part = program.block[index]
        self.part = part
        scheduled = day.at(minute: program.firstMinute + part.offset)
        var random = SeededGenerator(seed: seed, stream: 8, index: place | UInt64(index))
        let delay = random.pick([0, 0, 0, 2, 3, 5])
        start = scheduled.advanced(bySeconds: Int64(60 * delay))
        minutes = part.minutes - delay
        topic = random.pick(part.topics)
        id = EventID.timeOrdered(at: scheduled, using: &random).description
    }
}
