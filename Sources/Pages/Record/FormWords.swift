import CareEpisode
import Documents

/// How forms call what the event catalog has.
enum FormWords {
    /// Names of fields that are not their codes in words.
    private static let names = [
        "client_id": "Client key", "session_id": "Session id", "note_ref": "Reference to the note",
        "rxcui": "RxNorm number", "ndc": "NDC", "order_id": "Order id", "id": "Staff key",
        "counts_toward_hours": "Counts toward the weekly hours", "event_id": "The entry’s id",
        "type": "This entry", "target_event_id": "The entry", "place": "Place of service code",
        "service_code": "HCPCS or CPT code", "text": "In words", "author": "Who states it",
        "decided_by": "Decided by", "replacement_occurred_at": "Happened at",
        "last_contact_at": "Last contact at", "from_level": "From level", "at": "At",
        "medications": "Medications on arrival", "mode": "How people met",
        "time_zone": "Time zone, for display", "add_key": "Client key",
    ]

    /// Names of codes that are not themselves in words.
    private static let codes = [
        "cbt": "CBT", "mi": "MI", "dbt": "DBT", "twelve_step": "12-step", "icd-10-cm": "ICD-10-CM",
        "icd-9-cm": "ICD-9-CM", "cancelled_by_client": "Canceled by the client",
        "cancelled_by_program": "Canceled by the program", "no_show": "No-show",
        "unchanged": "Reviewed, unchanged",
    ]

    /// What a site may write where it may have codes of its own.
    static let suggestions = [
        "track": ["mental_health", "substance_use", "co_occurring"],
        "schedule": ["day", "evening"],
        "referral_source": [
            "individual", "sud_provider", "health_provider", "school", "employer", "community",
            "court",
        ],
        "disposition": [
            "home", "alt-home", "other-hcf", "hosp", "long", "aadvice", "exp", "psy", "rehab",
            "snf",
            "oth",
        ],
        "unit": ["mg", "mcg", "mL", "units", "tablet"],
        "route": ["oral", "sublingual", "intramuscular", "subcutaneous", "transdermal", "nasal"],
    ]

    /// Fields that few fill in, wherever they stand.
    private static let rare: Set<String> = [
        "ndc", "rxcui", "order_id", "time_zone", "note_ref", "place", "service_code", "group_size",
        "counts_toward_hours", "payer", "secondary_payer", "level_code", "to_level_code",
        "prior_level_of_care", "replaces", "indication", "decided_by", "credential",
    ]

    /// Fields in the order in which people think of them; others follow.
    private static let order = [
        "name", "strength", "form", "dose", "unit", "route", "frequency", "times_per_day",
        "as_needed",
        "kind", "minutes", "modality", "attendance", "from_level", "to_level", "session_id",
    ]

    /// Fields as a form has them: those first that an event must have.
    static func ordered(_ fields: [FieldShape]) -> [FieldShape] {
        func place(_ field: FieldShape) -> Int {
            (field.isRequired ? 0 : order.count + 1)
                + (order.firstIndex(of: field.name) ?? order.count)
        }
        return fields.enumerated()
            .sorted { (place($0.element), $0.offset) < (place($1.element), $1.offset) }
            .map(\.element)
    }

    /// Whether a field stands under "More".
    static func isRare(_ field: FieldShape) -> Bool {
        !field.isRequired && rare.contains(field.name)
    }

    /// How a form calls a field of data.
    static func name(_ field: String) -> String { names[field] ?? Words.title(field) }

    /// One of a list.
    static func element(_ list: String, _ index: Int) -> String {
        let name = name(list)
        let one =
            switch list {
            case "diagnoses": "Diagnosis"
            case "allergies": "Allergy"
            case "medications": "Medication"
            case "aftercare": "Aftercare"
            default: name.hasSuffix("s") ? String(name.dropLast()) : name
            }
        return "\(one) \(index + 1)"
    }

    /// How a form calls a code.
    static func code(_ code: String) -> String { codes[code] ?? Words.title(code) }

    /// What the list of a code offers; what was typed and is none of them stays, with its error beside it.
    static func choices(_ codes: [String], chosen: String) -> [(value: String, words: String)] {
        let known = codes.contains(chosen) || chosen.isEmpty ? codes : codes + [chosen]
        return [("", "")] + known.map { ($0, code($0)) }
    }

    /// What is wrong, with the label of the field.
    static func told(_ error: FieldError, _ type: EventType) -> String {
        let detail = error.code == "unknown_code" ? "must be one of the list" : error.detail
        return "\(label(error.pointer, type)) \(detail)"
    }

    /// What the page is called that records an event.
    static func title(_ type: EventType) -> String {
        switch type {
        case .admitted: "Admit a client"
        case .sessionAttended: "Record a session"
        case .sessionMissed: "Record a missed session"
        case .familySessionHeld: "Record a family session"
        case .medicationAdjusted: "Record a medication change"
        case .steppedDown: "Record a step down"
        case .steppedUp: "Record a step up"
        case .programChanged: "Record a change of program"
        case .completed: "Complete the episode"
        case .discharged: "Discharge the client"
        case .entryCorrected: "Correct an entry"
        case .entryRetracted: "Retract an entry"
        }
    }

    /// What `occurred_at` is, of a type.
    static func time(_ type: EventType) -> String {
        switch type {
        case .admitted: "Admitted at"
        case .sessionAttended, .familySessionHeld: "Began at"
        case .sessionMissed: "Was to begin at"
        case .medicationAdjusted: "Takes effect at"
        case .steppedDown, .steppedUp, .programChanged: "From when on"
        case .completed, .discharged: "Ended at"
        case .entryCorrected, .entryRetracted: "Decided at"
        }
    }

    /// How a form calls the field of a pointer, with what it is part of: "Regimen: dose".
    static func label(_ pointer: String, _ type: EventType) -> String {
        if pointer == "/occurred_at" { return time(type) }
        var parts: [String] = []
        var list = ""
        for part in pointer.split(separator: "/").map(String.init)
        where part != "data" && part != "replacement" {
            if let index = Int(part) {
                parts[max(parts.count - 1, 0)...] = [element(list, index)]
            } else {
                parts.append(name(part))
            }
            list = part
        }
        return parts.isEmpty ? "This entry" : parts.joined(separator: ": ")
    }
}
