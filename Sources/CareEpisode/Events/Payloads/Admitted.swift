/// The beginning of an episode; `occurred_at` is when the client was admitted.
public struct Admitted: Hashable, Sendable {
    /// The pseudonymous key of the client, never a name.
    public var clientID: String
    /// The program.
    public var program: String
    /// The level of care.
    public var levelOfCare: LevelOfCare
    /// The exact level that the authorization names.
    public var levelCode: LevelCode?
    /// What the program treats.
    public var track: Track?
    /// When in the day it meets.
    public var schedule: Schedule?
    /// Hours planned a week, greater than 0 and at most 60.
    public var plannedHoursPerWeek: Double?
    /// Days planned a week, 1 to 7.
    public var plannedDaysPerWeek: Int?
    /// The planned date of the end.
    public var plannedEndDate: CalendarDate?
    /// Who referred the client.
    public var referralSource: ReferralSource?
    /// The level of care before the admission.
    public var priorLevelOfCare: LevelOfCare?
    /// The reason for the admission.
    public var reason: String?
    /// The diagnoses at admission.
    public var diagnoses: [Diagnosis]?
    /// Who pays first.
    public var payer: Payer?
    /// Who pays second.
    public var secondaryPayer: Payer?
    /// What the client arrives on.
    public var medications: [ArrivalMedication]?
    /// Allergies: empty means none known, absent means not recorded.
    public var allergies: [String]?
    /// An IANA zone, for display only.
    public var timeZone: String?

    /// Everything that is required, and what else is known.
    public init(
        clientID: String,
        program: String,
        levelOfCare: LevelOfCare,
        levelCode: LevelCode? = nil,
        track: Track? = nil,
        schedule: Schedule? = nil,
        plannedHoursPerWeek: Double? = nil,
        plannedDaysPerWeek: Int? = nil,
        plannedEndDate: CalendarDate? = nil,
        referralSource: ReferralSource? = nil,
        priorLevelOfCare: LevelOfCare? = nil,
        reason: String? = nil,
        diagnoses: [Diagnosis]? = nil,
        payer: Payer? = nil,
        secondaryPayer: Payer? = nil,
        medications: [ArrivalMedication]? = nil,
        allergies: [String]? = nil,
        timeZone: String? = nil
    ) {
        self.clientID = clientID
        self.program = program
        self.levelOfCare = levelOfCare
        self.levelCode = levelCode
        self.track = track
        self.schedule = schedule
        self.plannedHoursPerWeek = plannedHoursPerWeek
        self.plannedDaysPerWeek = plannedDaysPerWeek
        self.plannedEndDate = plannedEndDate
        self.referralSource = referralSource
        self.priorLevelOfCare = priorLevelOfCare
        self.reason = reason
        self.diagnoses = diagnoses
        self.payer = payer
        self.secondaryPayer = secondaryPayer
        self.medications = medications
        self.allergies = allergies
        self.timeZone = timeZone
    }
}

extension Admitted: PayloadObject {
    static var blank: Self { Self(clientID: "", program: "", levelOfCare: .outpatient) }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("allergies", .texts, &allergies)
        field.required("client_id", .nonEmptyText, &clientID, order: 1)
        field.optional("diagnoses", .objects(), &diagnoses)
        field.optional("level_code", .object(), &levelCode)
        field.required("level_of_care", .code(), &levelOfCare, order: 3)
        field.optional("medications", .objects(), &medications)
        field.optional("payer", .object(), &payer)
        field.optional("planned_days_per_week", .integer(1...7), &plannedDaysPerWeek)
        field.optional("planned_end_date", .date, &plannedEndDate)
        field.optional("planned_hours_per_week", .positiveNumber(atMost: 60), &plannedHoursPerWeek)
        field.optional("prior_level_of_care", .code(), &priorLevelOfCare)
        field.required("program", .nonEmptyText, &program, order: 2)
        field.optional("reason", .text, &reason)
        field.optional("referral_source", .openCode(), &referralSource)
        field.optional("schedule", .openCode(), &schedule)
        field.optional("secondary_payer", .object(), &secondaryPayer)
        field.optional("time_zone", .text, &timeZone)
        field.optional("track", .openCode(), &track)
    }
}
