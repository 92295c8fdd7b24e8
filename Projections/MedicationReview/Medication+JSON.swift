public import CareEpisode

extension Medication: JSONObject {
    /// The payload's members, absent ones left out.
    public static let fields: [JSONField<Self>] = [
        .init("name", \.name),
        .optional("rxcui", \.rxcui),
        .optional("ndc", \.ndc),
        .optional("form", \.form),
        .optional("strength", \.strength),
        .optional("order_id", \.orderID),
    ]
}

extension Regimen: JSONObject {
    /// The payload's members, absent ones left out.
    public static let fields: [JSONField<Self>] = [
        .optional("dose", \.dose),
        .optional("unit", \.unit),
        .optional("route", \.route),
        .optional("frequency", \.frequency),
        .optional("times_per_day", \.timesPerDay),
        .optional("as_needed", \.asNeeded),
    ]
}

extension MedicationReason: JSONObject {
    /// The payload's members, absent ones left out.
    public static let fields: [JSONField<Self>] = [
        .optional("code", \.code),
        .optional("text", \.text),
    ]
}
