internal import CareEpisode

/// A program of the simulated clinic: when it meets and what its members do there.
struct Program {
    /// One session of a day's block, of an hour and a half, `offset` minutes after the block begins.
    struct Part {
        let kind: SessionKind
        let modality: SessionModality
        let offset: Int
        let minutes = 90
        let topics: [String]

        init(_ kind: SessionKind, _ modality: SessionModality, at offset: Int, _ topics: String) {
            self.kind = kind
            self.modality = modality
            self.offset = offset
            self.topics = topics.split(separator: "; ").map(String.init)
        }
    }

    let number: Int
    let name: String
    let level: LevelOfCare
    let track: Track
    let schedule: Schedule
    /// When the block begins and what is not in it takes place, in minutes after midnight.
    let hours: (block: Int, individual: Int, visit: Int, family: Int)
    /// Nothing in the block: its members see the prescriber and nobody else.
    let block: [Part]
    /// The CMS place-of-service code: 53 community mental health center, 57 substance use facility.
    let place: String
    /// The HCPCS code that a day of this program is billed under.
    let serviceCode: String
    /// A group has one session id, which it uses again every week.
    var meetsInSeries = false
    /// Nobody comes in the week of Christmas.
    var closesForChristmas = false

    /// Hours of the block.
    var hoursPerDay: Int { (block.map(\.minutes).reduce(0, +) + 59) / 60 }

    /// The weekdays on which members come (Monday is 0), by days a week, from one.
    static let weekdays = [[2], [1, 3], [0, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3, 4]]

    /// Whether the program is closed in the whole week of a day: in that of Christmas, or, one week in
    /// forty, for training.
    func isClosed(inWeekOf day: ClinicDay, seed: UInt64) -> Bool {
        let christmas = day.monday.date.month == 12 && (19...25).contains(day.monday.date.day)
        if closesForChristmas, christmas { return true }
        let week = UInt64(day.monday.number) << 8 | UInt64(number)
        var random = SeededGenerator(seed: seed, stream: 9, index: week)
        return random.chance(perMille: 25)
    }
}

extension Program {
    static let adultDay = Program(
        number: 0,
        name: "iop-adult-day",
        level: .intensiveOutpatient,
        track: .mentalHealth,
        schedule: .day,
        hours: (block: 9 * 60, individual: 12 * 60 + 20, visit: 13 * 60 + 30, family: 17 * 60 + 15),
        block: [
            Part(
                .psychoeducation,
                .cbt,
                at: 0,
                "Behavioral activation; Sleep; Worry; Relapse signatures"
            ),
            Part(
                .group,
                .dbt,
                at: 95,
                "Distress tolerance; Emotion regulation; Mindfulness; Process"
            ),
        ],
        place: "53",
        serviceCode: "S9480"
    )

    static let adultEvening = Program(
        number: 1,
        name: "iop-adult-evening",
        level: .intensiveOutpatient,
        track: .substanceUse,
        schedule: .evening,
        hours: (block: 17 * 60 + 30, individual: 16 * 60 + 20, visit: 14 * 60, family: 11 * 60),
        block: [
            Part(.group, .mi, at: 0, "Cravings; Triggers; Ambivalence; Process"),
            Part(
                .psychoeducation,
                .twelveStep,
                at: 95,
                "Relapse prevention; Recovery capital; Naloxone"
            ),
        ],
        place: "57",
        serviceCode: "H0015",
        meetsInSeries: true,
        closesForChristmas: true
    )

    static let dualDiagnosis = Program(
        number: 2,
        name: "iop-dual-diagnosis",
        level: .intensiveOutpatient,
        track: .coOccurring,
        schedule: .day,
        hours: (block: 750, individual: 15 * 60 + 50, visit: 11 * 60 + 15, family: 17 * 60 + 15),
        block: [
            Part(.group, .cbt, at: 0, "Seeking safety; Mood and use; Process; Grounding"),
            Part(
                .psychoeducation,
                .mi,
                at: 95,
                "Medication and recovery; Relapse prevention; Stress"
            ),
        ],
        place: "57",
        serviceCode: "H0015"
    )

    static let adolescent = Program(
        number: 3,
        name: "iop-adolescent",
        level: .intensiveOutpatient,
        track: .mentalHealth,
        schedule: Schedule(rawValue: "after_school"),
        hours: (block: 15 * 60 + 30, individual: 18 * 60 + 45, visit: 14 * 60, family: 11 * 60),
        block: [
            Part(
                .group,
                .dbt,
                at: 0,
                "Walking the middle path; Distress tolerance; Process; School"
            ),
            Part(.activity, .other, at: 95, "Art; Movement; Music; Gardening"),
        ],
        place: "53",
        serviceCode: "S9480",
        closesForChristmas: true
    )

    /// Where the programs step up to.
    static let partial = Program(
        number: 4,
        name: "php-adult",
        level: .partialHospitalization,
        track: .mentalHealth,
        schedule: .day,
        hours: (block: 9 * 60, individual: 14 * 60 + 40, visit: 15 * 60 + 45, family: 17 * 60),
        block: [
            Part(.group, .cbt, at: 0, "Process; Safety planning; Goals"),
            Part(.psychoeducation, .dbt, at: 100, "Crisis survival; Medication; Sleep"),
            Part(.occupationalTherapy, .other, at: 240, "Daily routine; Return to work"),
        ],
        place: "52",
        serviceCode: "H0035"
    )

    /// Where they step down to.
    static let outpatient = Program(
        number: 5,
        name: "op-aftercare",
        level: .outpatient,
        track: .coOccurring,
        schedule: .evening,
        hours: (block: 18 * 60, individual: 16 * 60 + 30, visit: 14 * 60, family: 11 * 60),
        block: [
            Part(.group, .cbt, at: 0, "Relapse prevention; Process; Staying well")
        ],
        place: "53",
        serviceCode: "90853",
        meetsInSeries: true
    )

    /// Where a prescriber sees people who may be in one of the programs as well.
    static let medicationClinic = Program(
        number: 6,
        name: "op-medication",
        level: .outpatient,
        track: .coOccurring,
        schedule: .day,
        hours: (block: 9 * 60, individual: 9 * 60, visit: 8 * 60 + 30, family: 9 * 60),
        block: [],
        place: "53",
        serviceCode: "99213"
    )

    /// Programs people are admitted to, and how many of a hundred.
    static let admitting: [(Program, weight: Int)] = [
        (adultDay, 34), (adultEvening, 30), (dualDiagnosis, 20), (adolescent, 16),
    ]

    /// The program that somebody changes to for the sake of its hours.
    static func counterpart(of program: Program) -> Program? {
        switch program.name {
        case adultDay.name: dualDiagnosis
        case adultEvening.name: adultDay
        case dualDiagnosis.name: adultEvening
        default: nil
        }
    }
}
