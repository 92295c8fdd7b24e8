public import CareEpisode
import ProjectionRuntime

extension Medication {
    /// The payload's members, absent ones left out.
    public var json: AnswerJSON {
        .present([
            ("name", .string(name)),
            ("rxcui", rxcui.map(AnswerJSON.string)),
            ("ndc", ndc.map(AnswerJSON.string)),
            ("form", form.map(AnswerJSON.string)),
            ("strength", strength.map(AnswerJSON.string)),
            ("order_id", orderID.map(AnswerJSON.string)),
        ])
    }
}

extension Regimen {
    /// The payload's members, absent ones left out.
    public var json: AnswerJSON {
        .present([
            ("dose", dose.map(AnswerJSON.number)),
            ("unit", unit.map(AnswerJSON.string)),
            ("route", route.map(AnswerJSON.string)),
            ("frequency", frequency.map(AnswerJSON.string)),
            ("times_per_day", timesPerDay.map(AnswerJSON.number)),
            ("as_needed", asNeeded.map(AnswerJSON.bool)),
        ])
    }
}

extension MedicationReason {
    /// The payload's members, absent ones left out.
    public var json: AnswerJSON {
        .present([
            ("code", code.map { .string($0.rawValue) }),
            ("text", text.map(AnswerJSON.string)),
        ])
    }
}

extension AnswerJSON {
    /// An object of the members that are present.
    fileprivate static func present(
        _ members: [(name: String, value: AnswerJSON?)]
    ) -> AnswerJSON {
        .object(members.compactMap { name, value in value.map { (name, $0) } })
    }

    /// A number, or null.
    static func double(_ value: Double?) -> AnswerJSON { value.map { .number($0) } ?? .null }
}
