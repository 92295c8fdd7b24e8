internal import CareEpisode

/// A program of the simulated clinic: when it meets and what its members do there.
struct Program {
    /// One session of a day's block.
    struct Part {
        let kind: SessionKind
        let modality: SessionModality
        /// Minutes after the block begins.
        let offset: Int
        let minutes: Int
        let topics: [String]
    }

    /// When what is not in the block takes place, in minutes after midnight.
    struct OtherHours {
        let individual: Int
        let visit: Int
        let family: Int
    }

    let number: UInt64
    let name: String
    let level: LevelOfCare
    let track: Track
    let schedule: Schedule
    /// When the block begins, in minutes after midnight.
    let firstMinute: Int
    let otherHours: OtherHours
    /// The weekdays on which members come (Monday is 0), by days a week, from one.
    let weekdays: [[Int]]
    let block: [Part]
    /// The CMS place-of-service code: 53 community mental health center, 57 substance use facility.
    let place: String
    /// The HCPCS code that a day of this program is billed under.
    let serviceCode: String

    /// Hours of the block.
    var hoursPerDay: Int { (block.map(\.minutes).reduce(0, +) + 59) / 60 }
}

extension Program {
    static let adultDay = Program(
        number: 0,
        name: "iop-adult-day",
        level: .intensiveOutpatient,
        track: .mentalHealth,
        schedule: .day,
        firstMinute: 9 * 60,
        otherHours: OtherHours(individual: 12 * 60 + 20, visit: 13 * 60 + 30, family: 17 * 60 + 15),
        weekdays: allWeek,
        block: [
            Part(
                kind: .psychoeducation,
                modality: .cbt,
                offset: 0,
                minutes: 90,
                topics: ["Behavioural activation", "Sleep", "Worry", "Relapse signatures"]
            ),
            Part(
                kind: .group,
                modality: .dbt,
                offset: 95,
                minutes: 90,
                topics: ["Distress tolerance", "Emotion regulation", "Mindfulness", "Process"]
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
        firstMinute: 17 * 60 + 30,
        otherHours: OtherHours(individual: 16 * 60 + 20, visit: 14 * 60, family: 11 * 60),
        weekdays: allWeek,
        block: [
            Part(
                kind: .group,
                modality: .mi,
                offset: 0,
                minutes: 90,
                topics: ["Cravings", "Triggers", "Ambivalence", "Process"]
            ),
            Part(
                kind: .psychoeducation,
                modality: .twelveStep,
                offset: 95,
                minutes: 90,
                topics: ["Relapse prevention", "Recovery capital", "Naloxone", "Mutual help"]
            ),
        ],
        place: "57",
        serviceCode: "H0015"
    )

    static let dualDiagnosis = Program(
        number: 2,
        name: "iop-dual-diagnosis",
        level: .intensiveOutpatient,
        track: .coOccurring,
        schedule: .day,
        firstMinute: 12 * 60 + 30,
        otherHours: OtherHours(individual: 15 * 60 + 50, visit: 11 * 60 + 15, family: 17 * 60 + 15),
        weekdays: allWeek,
        block: [
            Part(
                kind: .group,
                modality: .cbt,
                offset: 0,
                minutes: 90,
                topics: ["Seeking safety", "Mood and use", "Process", "Grounding"]
            ),
            Part(
                kind: .psychoeducation,
                modality: .mi,
                offset: 95,
                minutes: 90,
                topics: ["Medication and recovery", "Relapse prevention", "Stress", "Routine"]
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
        firstMinute: 15 * 60 + 30,
        otherHours: OtherHours(individual: 18 * 60 + 45, visit: 14 * 60, family: 11 * 60),
        weekdays: allWeek,
        block: [
            Part(
                kind: .group,
                modality: .dbt,
                offset: 0,
                minutes: 90,
                topics: ["Walking the middle path", "Distress tolerance", "Process", "School"]
            ),
            Part(
                kind: .activity,
                modality: .other,
                offset: 95,
                minutes: 90,
                topics: ["Art", "Movement", "Music", "Gardening"]
            ),
        ],
        place: "53",
        serviceCode: "S9480"
    )

    /// Where the programs step up to.
    static let partial = Program(
        number: 4,
        name: "php-adult",
        level: .partialHospitalization,
        track: .mentalHealth,
        schedule: .day,
        firstMinute: 9 * 60,
        otherHours: OtherHours(individual: 14 * 60 + 40, visit: 15 * 60 + 45, family: 17 * 60),
        weekdays: allWeek,
        block: [
            Part(
                kind: .group,
                modality: .cbt,
                offset: 0,
                minutes: 90,
                topics: ["Process", "Safety planning", "Goals"]
            ),
            Part(
                kind: .psychoeducation,
                modality: .dbt,
                offset: 100,
                minutes: 90,
                topics: ["Crisis survival", "Medication", "Sleep"]
            ),
            Part(
                kind: .occupationalTherapy,
                modality: .other,
                offset: 240,
                minutes: 90,
                topics: ["Daily routine", "Return to work"]
            ),
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
        firstMinute: 18 * 60,
        otherHours: OtherHours(individual: 16 * 60 + 30, visit: 14 * 60, family: 11 * 60),
        weekdays: allWeek,
        block: [
            Part(
                kind: .group,
                modality: .cbt,
                offset: 0,
                minutes: 90,
                topics: ["Relapse prevention", "Process", "Staying well"]
            )
        ],
        place: "53",
        serviceCode: "90853"
    )

    /// Programs people are admitted to, and how many of a hundred.
    static let admitting: [(Program, weight: Int)] = [
        (adultDay, 34), (adultEvening, 30), (dualDiagnosis, 20), (adolescent, 16),
    ]

    private static let allWeek = [[2], [1, 3], [0, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3, 4]]
}

extension Program {
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
