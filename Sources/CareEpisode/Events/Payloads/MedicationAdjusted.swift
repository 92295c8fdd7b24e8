/// A decision about a medication; `occurred_at` is when it takes effect, which may lie ahead.
public struct MedicationAdjusted: Hashable, Sendable {
    /// The medication.
    public var medication: Medication
    /// What is done.
    public var change: MedicationChange
    /// How it is taken from now on.
    ///
    /// Required for increase, decrease, change of frequency or route and switch; not allowed for
    /// hold, stop and unchanged.
    public var regimen: Regimen?
    /// The medication that is changed, when it is named differently.
    ///
    /// Required for a switch, allowed only with a regimen.
    public var replaces: Medication?
    /// Why.
    public var reason: MedicationReason?
    /// What it is for.
    public var indication: Indication?
    /// Who prescribed it.
    public var prescriber: String

    /// Everything that is required, and what else is known.
    public init(
        medication: Medication,
        change: MedicationChange,
        prescriber: String,
        regimen: Regimen? = nil,
        replaces: Medication? = nil,
        reason: MedicationReason? = nil,
        indication: Indication? = nil
    ) {
        self.medication = medication
        self.change = change
        self.prescriber = prescriber
        self.regimen = regimen
        self.replaces = replaces
        self.reason = reason
        self.indication = indication
    }
}

extension MedicationAdjusted: PayloadObject {
    init(reading object: ObjectReader) {
        medication = object.requiredObject("medication", else: Medication(name: ""))
        change = object.requiredCode("change") ?? .unchanged
        regimen = object.object("regimen")
        replaces = object.object("replaces")
        reason = object.object("reason")
        indication = object.object("indication")
        prescriber = object.requiredString("prescriber")
        checkRegimen(object)
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("change", change)
        writer.member("indication", indication)
        writer.member("medication", medication)
        writer.member("prescriber", prescriber)
        writer.member("reason", reason)
        writer.member("regimen", regimen)
        writer.member("replaces", replaces)
    }
}

/// Why a medication is changed.
public struct MedicationReason: Hashable, Sendable {
    /// The reason as a code.
    public var code: MedicationReasonCode?
    /// The reason in words.
    public var text: String?

    /// What is known.
    public init(
        code: MedicationReasonCode? = nil,
        text: String? = nil
    ) {
        self.code = code
        self.text = text
    }
}

extension MedicationReason: PayloadObject {
    init(reading object: ObjectReader) {
        code = object.openCode("code")
        text = object.string("text")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("code", code)
        writer.member("text", text)
    }
}

/// What a medication is for.
public struct Indication: Hashable, Sendable {
    /// The code system.
    public var system: String?
    /// The code.
    public var code: String?
    /// The indication in words.
    public var text: String?

    /// What is known.
    public init(
        system: String? = nil,
        code: String? = nil,
        text: String? = nil
    ) {
        self.system = system
        self.code = code
        self.text = text
    }
}

extension Indication: PayloadObject {
    init(reading object: ObjectReader) {
        system = object.string("system")
        code = object.string("code")
        text = object.string("text")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("code", code)
        writer.member("system", system)
        writer.member("text", text)
    }
}

extension MedicationAdjusted {
    /// Which changes come with a regimen, and with the medication they replace.
    private func checkRegimen(_ object: ObjectReader) {
        guard object.hasAccepted("change") else { return }
        let hasRegimen = object.member("regimen") != nil
        let hasReplaced = object.member("replaces") != nil
        switch change.regimen {
        case .required where !hasRegimen:
            object.refuse("regimen", "required", "is required for this change")
        case .notAllowed where hasRegimen:
            object.refuse("regimen", "not_allowed", "is not allowed for hold, stop and unchanged")
        default: break
        }
        if change == .switch, !hasReplaced {
            object.refuse("replaces", "required", "is required for switch")
        }
        if hasReplaced, !hasRegimen || change.regimen == .notAllowed {
            object.refuse("replaces", "not_allowed", "is allowed only with a regimen")
        }
    }
}
