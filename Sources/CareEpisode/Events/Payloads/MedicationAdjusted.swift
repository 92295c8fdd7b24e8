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
    static var blank: Self { Self(medication: .blank, change: .unchanged, prescriber: "") }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("change", .code(), &change, order: 2)
        field.optional("indication", .object(), &indication)
        field.required("medication", .object(), &medication, order: 1)
        field.required("prescriber", .nonEmptyText, &prescriber, order: 3)
        field.optional("reason", .object(), &reason)
        field.optional("regimen", .object(), &regimen)
        field.optional("replaces", .object(), &replaces)
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
    static var blank: Self { Self() }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("code", .openCode(), &code)
        field.optional("text", .text, &text)
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
    static var blank: Self { Self() }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("code", .text, &code)
        field.optional("system", .text, &system)
        field.optional("text", .text, &text)
    }
}

extension MedicationAdjusted {
    /// Which changes come with a regimen, and with the medication they replace.
    func check(_ object: ObjectReader) {
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

    static var rules: [(name: String, value: AnswerJSON)] {
        func changes(_ rule: FieldRule) -> AnswerJSON {
            let codes = MedicationChange.allCases.filter { $0.regimen == rule }
            return ["properties": ["change": .codes(codes)], "required": ["change"]]
        }
        let isSwitch: AnswerJSON = ["properties": ["change": .codes([MedicationChange.switch])]]
        return [
            ("dependentRequired", ["replaces": ["regimen"]]),
            (
                "allOf",
                [
                    ["if": changes(.required), "then": ["required": ["regimen"]]],
                    ["if": changes(.notAllowed), "then": ["properties": ["regimen": false]]],
                    ["if": isSwitch, "then": ["required": ["replaces"]]],
                ]
            ),
        ]
    }
}
