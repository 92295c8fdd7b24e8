/// A code of a closed list: anything else is refused.
public protocol ClosedCode: RawRepresentable<String>, CaseIterable, Hashable, JSONDescribed {}

/// A code of a list that a site may extend: any text that is not empty.
public protocol OpenCode: RawRepresentable<String>, Hashable, JSONText where RawValue == String {
    /// The code with this text.
    init(rawValue: String)
}

extension OpenCode {
    /// The code as it is written.
    public var description: String { rawValue }
}

/// A level of care, from the highest to the lowest (ASAM 4th edition: 4 · 3.1, 3.5, 3.7 · 2.5 ·
/// 2.1, 2.7 · 1.5, 1.7 · 1.0).
public enum LevelOfCare: String, ClosedCode, Comparable {
    case inpatient, residential
    case partialHospitalization = "partial_hospitalization"
    case intensiveOutpatient = "intensive_outpatient"
    case outpatient
    case recoveryMonitoring = "recovery_monitoring"

    private var height: Int {
        switch self {
        case .inpatient: 6
        case .residential: 5
        case .partialHospitalization: 4
        case .intensiveOutpatient: 3
        case .outpatient: 2
        case .recoveryMonitoring: 1
        }
    }

    /// Whether `left` is the lower level.
    public static func < (left: LevelOfCare, right: LevelOfCare) -> Bool {
        left.height < right.height
    }
}

/// What an author does in the program.
public enum AuthorRole: String, ClosedCode {
    case physician, prescriber, nurse, psychologist, therapist, counselor
    case socialWorker = "social_worker"
    case occupationalTherapist = "occupational_therapist"
    case caseManager = "case_manager"
    case pharmacist, peer, administrator, system, other
}

/// What a program treats; a site may have its own.
public struct Track: OpenCode {
    /// The code as it is written.
    public let rawValue: String
    /// The code with this text.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Mental health.
    public static let mentalHealth = Track(rawValue: "mental_health")
    /// Substance use.
    public static let substanceUse = Track(rawValue: "substance_use")
    /// Both together.
    public static let coOccurring = Track(rawValue: "co_occurring")
}

/// When in the day a program meets; a site may have its own.
public struct Schedule: OpenCode {
    /// The code as it is written.
    public let rawValue: String
    /// The code with this text.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// In the daytime.
    public static let day = Schedule(rawValue: "day")
    /// In the evening.
    public static let evening = Schedule(rawValue: "evening")
}

/// Who referred the client (TEDS PSOURCE 1 to 7); a site may have its own.
public struct ReferralSource: OpenCode {
    /// The code as it is written.
    public let rawValue: String
    /// The code with this text.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The client, family or friends (1).
    public static let individual = ReferralSource(rawValue: "individual")
    /// A provider of substance-use care (2).
    public static let sudProvider = ReferralSource(rawValue: "sud_provider")
    /// Another provider of health care (3).
    public static let healthProvider = ReferralSource(rawValue: "health_provider")
    /// A school (4).
    public static let school = ReferralSource(rawValue: "school")
    /// An employer (5).
    public static let employer = ReferralSource(rawValue: "employer")
    /// Another community referral (6).
    public static let community = ReferralSource(rawValue: "community")
    /// A court or the justice system (7).
    public static let court = ReferralSource(rawValue: "court")
}

/// The code system of a diagnosis.
public enum DiagnosisSystem: String, ClosedCode {
    case icd10CM = "icd-10-cm"
    case icd9CM = "icd-9-cm"
}

/// Whether a diagnosis is the reason for the stay.
public enum DiagnosisRole: String, ClosedCode {
    case principal, secondary
}

/// Who pays.
public enum PayerClass: String, ClosedCode {
    case medicare, medicaid, commercial
    case otherGovernment = "other_government"
    case selfPay = "self_pay"
    case noCharge = "no_charge"
    case other
}

/// What an authorization counts.
public enum AuthorizationUnit: String, ClosedCode {
    case visit, day, hour
}

/// What a session is.
public enum SessionKind: String, ClosedCode {
    case individual, group, psychoeducation, activity
    case occupationalTherapy = "occupational_therapy"
    case medicationManagement = "medication_management"
    case caseManagement = "case_management"
    case peerSupport = "peer_support"
    case assessment
    case crisisIntervention = "crisis_intervention"
    case other

    /// Whether its minutes count toward the hours of a week unless the entry says otherwise.
    ///
    /// The services of practitioners are no part of a program: they are paid apart (42 CFR
    /// 410.43(b)).
    public var countsTowardHours: Bool {
        switch self {
        case .medicationManagement, .caseManagement: false
        case .individual, .group, .psychoeducation, .activity, .occupationalTherapy, .peerSupport,
            .assessment, .crisisIntervention, .other:
            true
        }
    }
}

/// What a session that was missed would have been: the kinds of sessions, and a family session.
public enum MissedSessionKind: String, ClosedCode {
    case individual, group, psychoeducation, activity
    case occupationalTherapy = "occupational_therapy"
    case medicationManagement = "medication_management"
    case caseManagement = "case_management"
    case peerSupport = "peer_support"
    case assessment
    case crisisIntervention = "crisis_intervention"
    case other, family
}

/// The method of a session.
public enum SessionModality: String, ClosedCode {
    case cbt, mi, dbt
    case twelveStep = "twelve_step"
    case other
}

/// How much of a session the client attended.
public enum Attendance: String, ClosedCode {
    case full, late
    case leftEarly = "left_early"
}

/// How people met.
public enum ContactMode: String, ClosedCode {
    case inPerson = "in_person"
    case video, audio
}

/// What is done to a medication.
public enum MedicationChange: String, ClosedCode {
    case start, increase, decrease
    case changeFrequency = "change_frequency"
    case changeRoute = "change_route"
    case `switch`, hold, resume, stop, unchanged

    /// Whether the event must, may or must not say the regimen.
    var regimen: FieldRule {
        switch self {
        case .increase, .decrease, .changeFrequency, .changeRoute, .switch: .required
        case .start, .resume: .optional
        case .hold, .stop, .unchanged: .notAllowed
        }
    }
}

/// Whether a field must, may or must not be there.
enum FieldRule {
    case required, optional, notAllowed
}

/// Why a medication is changed (FHIR medicationrequest-status-reason and a few more); a site may have
/// its own.
public struct MedicationReasonCode: OpenCode {
    /// The code as it is written.
    public let rawValue: String
    /// The code with this text.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// It does not work well enough.
    public static let lackOfEffect = MedicationReasonCode(rawValue: "lack-of-effect")
    /// It has a side effect.
    public static let sideEffect = MedicationReasonCode(rawValue: "side-effect")
    /// The client asked for it.
    public static let patientRequest = MedicationReasonCode(rawValue: "patient-request")
    /// The course came to its planned end.
    public static let courseCompleted = MedicationReasonCode(rawValue: "course-completed")
}

/// How a person in a family session belongs to the client.
public enum FamilyRelation: String, ClosedCode {
    case spouse, partner, parent, child, sibling
    case otherFamily = "other_family"
    case otherSupport = "other_support"
}

/// What a family session was about.
public enum FamilySessionFocus: String, ClosedCode {
    case psychoeducation, communication
    case safetyPlan = "safety_plan"
    case relapsePrevention = "relapse_prevention"
    case dischargePlanning = "discharge_planning"
    case other
}

/// Where a client goes at the end (FHIR encounter-discharge-disposition); a site may have its own.
public struct Disposition: OpenCode {
    /// The code as it is written.
    public let rawValue: String
    /// The code with this text.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Home.
    public static let home = Disposition(rawValue: "home")
    /// An alternative home.
    public static let alternativeHome = Disposition(rawValue: "alt-home")
    /// Another health-care facility.
    public static let otherFacility = Disposition(rawValue: "other-hcf")
    /// A hospice.
    public static let hospice = Disposition(rawValue: "hosp")
    /// Long-term care.
    public static let longTermCare = Disposition(rawValue: "long")
    /// Left against advice.
    public static let againstAdvice = Disposition(rawValue: "aadvice")
    /// Died.
    public static let expired = Disposition(rawValue: "exp")
    /// A psychiatric hospital.
    public static let psychiatricHospital = Disposition(rawValue: "psy")
    /// Rehabilitation.
    public static let rehabilitation = Disposition(rawValue: "rehab")
    /// A skilled nursing facility.
    public static let skilledNursing = Disposition(rawValue: "snf")
    /// Elsewhere.
    public static let other = Disposition(rawValue: "oth")
}

/// How far a goal was reached.
public enum GoalStatus: String, ClosedCode {
    case met
    case partlyMet = "partly_met"
    case notMet = "not_met"
}

/// Why a session was missed.
public enum MissedReason: String, ClosedCode {
    case noShow = "no_show"
    case cancelledByClient = "cancelled_by_client"
    case cancelledByProgram = "cancelled_by_program"
    case excused
}

/// Why an episode ended without being completed (TEDS REASON 2 to 7).
public enum DischargeReason: String, ClosedCode {
    case droppedOut = "dropped_out"
    case terminated, transferred, incarcerated, died, other

    /// The code in TEDS-D; `completed` is 1.
    public var teds: Int {
        switch self {
        case .droppedOut: 2
        case .terminated: 3
        case .transferred: 4
        case .incarcerated: 5
        case .died: 6
        case .other: 7
        }
    }
}
