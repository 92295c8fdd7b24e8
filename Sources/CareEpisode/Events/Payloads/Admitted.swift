/// The beginning of an episode; `occurred_at` is when the client was admitted.
public struct Admitted: Hashable, Sendable {
    /// The pseudonymous key of the client, never a name.
    public var clientID: String
    /// The programme.
    public var program: String
    /// The level of care.
    public var levelOfCare: LevelOfCare
    /// The exact level that the authorisation names.
    public var levelCode: LevelCode?
    /// What the programme treats.
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
    init(reading object: ObjectReader) {
        clientID = object.requiredString("client_id")
        program = object.requiredString("program")
        levelOfCare = object.requiredCode("level_of_care") ?? .outpatient
        levelCode = object.object("level_code")
        track = object.openCode("track")
        schedule = object.openCode("schedule")
        plannedHoursPerWeek = object.positiveNumber("planned_hours_per_week", atMost: 60)
        plannedDaysPerWeek = object.integer("planned_days_per_week", atLeast: 1, atMost: 7)
        plannedEndDate = object.date("planned_end_date")
        referralSource = object.openCode("referral_source")
        priorLevelOfCare = object.code("prior_level_of_care")
        reason = object.string("reason")
        diagnoses = object.objects("diagnoses")
        payer = object.object("payer")
        secondaryPayer = object.object("secondary_payer")
        medications = object.objects("medications")
        allergies = object.strings("allergies")
        timeZone = object.string("time_zone")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("allergies", allergies)
        writer.member("client_id", clientID)
        writer.member("diagnoses", diagnoses)
        writer.member("level_code", levelCode)
        writer.member("level_of_care", levelOfCare)
        writer.member("medications", medications)
        writer.member("payer", payer)
        writer.member("planned_days_per_week", plannedDaysPerWeek)
        writer.member("planned_end_date", plannedEndDate)
        writer.member("planned_hours_per_week", plannedHoursPerWeek)
        writer.member("prior_level_of_care", priorLevelOfCare)
        writer.member("program", program)
        writer.member("reason", reason)
        writer.member("referral_source", referralSource)
        writer.member("schedule", schedule)
        writer.member("secondary_payer", secondaryPayer)
        writer.member("time_zone", timeZone)
        writer.member("track", track)
    }
}
