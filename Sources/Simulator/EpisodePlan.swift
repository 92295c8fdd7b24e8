internal import CareEpisode

/// The course of one episode, decided before its first event is written.
struct EpisodePlan {
    /// What begins a phase.
    enum Beginning {
        case admission, stepDown, stepUp
        /// At the same level: another program, or fewer days a week.
        case programChange
    }

    /// A time at one level of care in one program with one number of days a week.
    struct Phase {
        let beginning: Beginning
        let first: ClinicDay
        let program: Program
        let daysPerWeek: Int

        var hoursPerWeek: Int { program.hoursPerDay * daysPerWeek }
        var weekdays: [Int] { Program.weekdays[daysPerWeek - 1] }
    }

    /// The episode's number, from 0.
    let number: Int
    /// The pseudonymous key of the client, who may have been here before.
    let clientID: String
    /// Whether the client is in the medication clinic besides, where opioid use disorder is treated.
    let isInClinicBesides: Bool
    /// The members of a program are divided into groups that meet apart.
    let cohort: Int
    /// In order; the first begins with the admission.
    private(set) var phases: [Phase]
    /// The day of the end, on or after the first day of the last phase.
    private(set) var end: ClinicDay
    let ending: EndReason
    /// How likely the client is to miss a day, in thousandths.
    let missing: Int
    /// The last days of somebody who drops out, on which hardly anything is attended.
    private(set) var fading: Int
    /// How many days later it becomes known that somebody has dropped out; they are missed meanwhile.
    private(set) var toldAfter = 0
    /// Drops out, is discharged, comes back: the discharge is retracted.
    let comesBack: Bool
    /// Opened by mistake: the admission is retracted before anything else happens.
    let isMistake: Bool

    init(
        number: Int,
        seed: UInt64,
        admission: ClinicDay,
        calendar: AdmissionCalendar,
        assumptions: SimulationAssumptions = .standard
    ) {
        var random = SeededGenerator(seed: seed, stream: 1, index: UInt64(number))
        self.number = number
        let client = ClientOfEpisode(
            number: number,
            seed: seed,
            calendar: calendar,
            // Longer than anyone stays, whatever became of them.
            apart: max(260, assumptions.stretched(260))
        )
        clientID = client.id
        isInClinicBesides = client.isInClinicBesides
        let enrolled = calendar.episodes(inDays: assumptions.stretched(42))
        cohort = random.integer(in: 0...EpisodePlan.cohorts(enrolled: enrolled) - 1)
        ending = random.pick(weighted: EpisodePlan.endings)
        missing = random.pick([30, 50, 70, 90, 120, 160])

        let usual = random.pick(weighted: Program.admitting)
        let program = client.isInClinic ? Program.medicationClinic : usual
        let days = random.pick(weighted: [(3, weight: 45), (4, weight: 35), (5, weight: 20)])
        // Of those in the clinic until well after the program has begun.
        let length =
            EpisodePlan.length(ending, assumptions, &random)
            + (client.isInClinic ? ClientOfEpisode.ahead + 25 : 0)
        phases = [
            Phase(beginning: .admission, first: admission, program: program, daysPerWeek: days)
        ]
        end = (admission + length).openOrPrevious
        let dropsOut = ending == .discharged(.droppedOut)
        fading = dropsOut ? min(length, random.integer(in: 5...12)) : 0
        comesBack =
            dropsOut && length > 14 && random.chance(perMillion: assumptions.retracted(25))
        isMistake = random.chance(perMillion: assumptions.retracted(4))
        if !client.isInClinic { addChanges(assumptions, &random) }
        end = max(end, admission)
        let isToldLater = random.chance(perMillion: assumptions.late(350))
        if dropsOut, !comesBack, phases.count == 1, isToldLater {
            fading = 0
            toldAfter = random.integer(in: 5...21)
        }
    }

    /// How intensive outpatient treatment for substance use ended in the United States in 2019
    /// (TEDS-D 2019, SERVICES_D 6 by REASON; 235,771 discharges).
    static let endings: [(EndReason, weight: Int)] = [
        (.completed, 61_084),
        (.discharged(.droppedOut), 63_257),
        (.discharged(.terminated), 16_109),
        (.discharged(.transferred), 77_785),
        (.discharged(.incarcerated), 4432),
        (.discharged(.died), 461),
        (.discharged(.other), 12_643),
    ]

    /// The days from the admission to the end of the intensive treatment.
    private static func length(
        _ ending: EndReason,
        _ assumptions: SimulationAssumptions,
        _ random: inout SeededGenerator
    ) -> Int {
        guard ending == .discharged(.droppedOut) else {
            let days = random.integer(quantiles: lengths(ending))
            return max(1, assumptions.stretched(days))
        }
        let early = assumptions.earlyDropOutsPerMille
        let rank = random.integer(in: 0...999)
        guard rank < early else {
            let days = random.integer(
                quantiles: lateDropOutLengths,
                rank: rank - early,
                of: 1000 - early
            )
            return max(lateDropOutLengths[0], assumptions.stretched(days))
        }
        return random.integer(quantiles: earlyDropOutLengths, rank: rank, of: early)
    }

    /// The days that those stay who leave in their first two weeks, in equal parts.
    private static let earlyDropOutLengths = [1, 5, 9, 13]
    /// The days that those stay who drop out later, in equal parts.
    private static let lateDropOutLengths = [13, 18, 24, 30, 37, 46, 60, 90]

    /// The deciles of the days of who does not drop out.
    private static func lengths(_ ending: EndReason) -> [Int] {
        switch ending {
        case .completed: [21, 30, 36, 40, 43, 47, 52, 57, 64, 74, 95]
        case .discharged(.transferred): [2, 9, 16, 23, 29, 35, 41, 48, 56, 68, 95]
        default: [2, 7, 13, 19, 25, 31, 37, 44, 53, 67, 95]
        }
    }

    /// Steps up and down, and changes at the same level.
    private mutating func addChanges(
        _ assumptions: SimulationAssumptions,
        _ random: inout SeededGenerator
    ) {
        let admitted = phases[0]
        let length = end - admitted.first
        if length > 20, random.chance(perMille: ending == .discharged(.transferred) ? 110 : 35) {
            // A crisis: partial hospitalisation for a while.
            let up = (admitted.first + random.integer(in: 5...(length / 2))).openOrNext
            let down = (up + random.integer(in: 7...14)).openOrNext
            add(.stepUp, up, Program.partial, daysPerWeek: 5)
            if down < end {
                add(.stepDown, down, admitted.program, daysPerWeek: admitted.daysPerWeek)
            }
        } else if length > 28, admitted.daysPerWeek > 3, random.chance(perMille: 450) {
            let fewer = (admitted.first + length * 2 / 3).openOrNext
            add(.programChange, fewer, admitted.program, daysPerWeek: 3)
        } else if length > 14, let other = Program.counterpart(of: admitted.program),
            random.chance(perMille: 90)
        {
            let change = (admitted.first + random.integer(in: 7...(length - 5))).openOrNext
            add(.programChange, change, other, daysPerWeek: admitted.daysPerWeek)
        }
        let endsLower = ending == .completed ? 420 : 40
        if phases.last?.program.level == .intensiveOutpatient, random.chance(perMille: endsLower) {
            let tail = assumptions.stretched(random.integer(in: 21...56))
            add(.stepDown, end, Program.outpatient, daysPerWeek: random.integer(in: 1...2))
            end = (end + tail).openOrPrevious
        }
    }

    private mutating func add(
        _ beginning: Beginning,
        _ first: ClinicDay,
        _ program: Program,
        daysPerWeek: Int
    ) {
        guard let last = phases.last, first > last.first else { return }
        phases.append(
            Phase(beginning: beginning, first: first, program: program, daysPerWeek: daysPerWeek)
        )
    }

    /// How many groups meet apart in each program.
    private static func cohorts(enrolled: Int) -> Int {
        max(1, enrolled / (Program.admitting.count * 10))
    }
}

extension EpisodePlan {
    /// The phase that a day belongs to.
    func phase(on day: ClinicDay) -> Phase {
        phases.last { $0.first <= day } ?? phases[0]
    }
}
