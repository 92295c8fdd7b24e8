public import CareEpisode

/// Payloads as a writer may send them, and lines around them.
public enum EventSamples {
    /// Every field of every type, in no order, with white space and times in several zones.
    public static let full: [(EventType, String)] = [
        (
            .admitted,
            #"""
            { "time_zone": "America/New_York", "client_id": "C-1", "program": "iop-evening",
              "level_of_care": "intensive_outpatient",
              "level_code": {"system": "asam-4", "code": "2.1"}, "track": "co_occurring",
              "schedule": "evening", "planned_hours_per_week": 9.0, "planned_days_per_week": 3,
              "planned_end_date": "2025-04-30", "referral_source": "court",
              "prior_level_of_care": "residential", "reason": "Rückfall \u2013 \"again\"\n",
              "diagnoses": [
                {"system": "icd-10-cm", "code": "F10.20", "description": "d", "role": "principal"},
                {"system": "icd-9-cm", "code": "30390", "role": "secondary"}],
              "payer": {"class": "medicaid", "authorization_number": "A1", "authorized_units": 0,
                "unit": "visit", "authorized_from_date": "2025-01-01",
                "authorized_to_date": "2024-01-01"},
              "secondary_payer": {"class": "self_pay"},
              "medications": [{"medication": {"name": "sertraline", "rxcui": "36437", "ndc": "1",
                "form": "tablet", "strength": "50 mg", "order_id": "o1"},
                "regimen": {"dose": 50, "unit": "mg", "route": "PO", "frequency": "QD",
                "times_per_day": 1, "as_needed": false}}],
              "allergies": [] }
            """#
        ),
        (
            .sessionAttended,
            #"""
            {"session_id":"s-1","kind":"group","modality":"cbt","minutes":720,"attendance":"late",
             "mode":"video","place":"11","service_code":"H0015","group_size":8,
             "facilitators":[{"id":"f1","role":"therapist","credential":"LCSW"}],
             "topic":"","counts_toward_hours":true,"note_ref":"n/1"}
            """#
        ),
        (
            .medicationAdjusted,
            #"""
            {"medication":{"name":"x","rxcui":"1","ndc":"2","form":"f","strength":"s",
             "order_id":"o"},"change":"switch","regimen":{"dose":0.5,"unit":"mg","route":"PO",
             "frequency":"q4h","times_per_day":6e0,"as_needed":true},
             "replaces":{"name":"y"},"reason":{"code":"lack-of-effect","text":"t"},
             "indication":{"system":"icd-10-cm","code":"F32.1","text":"i"},"prescriber":"p"}
            """#
        ),
        (
            .familySessionHeld,
            #"""
            {"session_id":"s","minutes":1,"participants":[{"relation":"parent","mode":"audio"},
             {"relation":"other_support"}],"client_present":false,"focus":"safety_plan",
             "mode":"in_person","place":"02","service_code":"90847",
             "facilitators":[],"counts_toward_hours":false,"note_ref":"n"}
            """#
        ),
        (
            .steppedDown,
            #"""
            {"from_level":"partial_hospitalization","to_level":"intensive_outpatient",
             "to_level_code":{"system":"asam-4","code":"2.1"},"program":"p","track":"own track",
             "schedule":"weekend","planned_hours_per_week":0.5,"rationale":"r","decided_by":"d"}
            """#
        ),
        (
            .completed,
            #"""
            {"disposition":"home","last_contact_at":"2025-03-01T18:00:00.123456789+02:00",
             "condition":"c","goals":[{"text":"t","status":"partly_met"}],
             "diagnoses":[{"system":"icd-10-cm","code":"F10.21"}],
             "aftercare":[{"provider":"p","kind":"k","at":"2025-03-08t09:00:00z"}],
             "instructions":"i","summary":"s"}
            """#
        ),
        (
            .sessionMissed,
            #"{"session_id":"s","kind":"family","reason":"cancelled_by_program","scheduled_minutes":60}"#
        ),
        (
            .steppedUp,
            #"""
            {"from_level":"recovery_monitoring","to_level":"inpatient","rationale":"r",
             "to_level_code":{"system":"a","code":"4"},"program":"p","track":"mental_health",
             "schedule":"day","planned_hours_per_week":60,"decided_by":"d"}
            """#
        ),
        (
            .programChanged,
            #"""
            {"program":"p","track":"substance_use","schedule":"day","planned_hours_per_week":12,
             "rationale":"r","decided_by":"d"}
            """#
        ),
        (
            .discharged,
            #"""
            {"reason":"dropped_out","disposition":"aadvice","summary":"s","instructions":"i",
             "last_contact_at":"2025-03-01T23:30:00-05:00","condition":"c","goals":[],
             "diagnoses":[],"aftercare":[{"provider":"p","at":"2025-03-08T09:00:00+14:00"}]}
            """#
        ),
        (
            .entryCorrected,
            #"""
            {"target_event_id":"0192F0C1-7A00-7000-8000-00000000BEEF","reason":"r",
             "replacement":{"minutes":45,"kind":"group","session_id":"s"},
             "replacement_occurred_at":"2025-01-31T18:05:00-05:00"}
            """#
        ),
        (
            .entryRetracted,
            #"{"target_event_id":"0192F0C1-7A00-7000-8000-00000000BEEF","reason":"r"}"#
        ),
    ]

    /// Only what each type requires.
    public static let minimal: [(EventType, String)] = [
        (.admitted, #"{"client_id":"C-1","level_of_care":"outpatient","program":"p"}"#),
        (.sessionAttended, #"{"kind":"other","minutes":1,"session_id":"s"}"#),
        (
            .medicationAdjusted,
            #"{"change":"stop","medication":{"name":"x"},"prescriber":"p"}"#
        ),
        (
            .familySessionHeld,
            #"{"client_present":true,"minutes":1,"participants":[{"relation":"child"}],"session_id":"s"}"#
        ),
        (
            .steppedDown,
            #"{"from_level":"inpatient","rationale":"r","to_level":"residential"}"#
        ),
        (.completed, "{}"),
        (.sessionMissed, #"{"kind":"group","reason":"no_show"}"#),
        (.steppedUp, #"{"from_level":"outpatient","rationale":"r","to_level":"inpatient"}"#),
        (.programChanged, #"{"rationale":"r","track":"own"}"#),
        (.discharged, #"{"reason":"other"}"#),
        (
            .entryCorrected,
            #"{"reason":"r","replacement":{},"target_event_id":"0192f0c1-7a00-7000-8000-00000000beef"}"#
        ),
        (
            .entryRetracted,
            #"{"reason":"r","target_event_id":"0192f0c1-7a00-7000-8000-00000000beef"}"#
        ),
    ]

    /// An import line around a payload.
    public static func line(
        _ type: EventType,
        data: String,
        eventID: String = "0192f0c1-7a00-7000-8000-00000000a001",
        occurredAt: String = "2025-01-31T18:05:00Z",
        more: String = ""
    ) -> [UInt8] {
        Array(
            """
            {"event_id":"\(eventID)","episode_id":"0192f0c1-7a00-7000-8000-00000000e001",\
            "type":"\(type.rawValue)","occurred_at":"\(occurredAt)",\
            "author":{"id":"a","role":"nurse"},"data":\(data)\(more)}
            """.utf8
        )
    }

    /// The event of a payload.
    public static func draft(_ type: EventType, data: String) throws -> EventDraft {
        try EventParser.parseLine(line(type, data: data)).draft
    }

    /// The ranges of the strings, with their quotes, that are values.
    public static func stringValues(in json: String) -> [Range<String.Index>] {
        json.ranges(of: /"[^"\\]*"/).filter {
            let after = json[$0.upperBound...].drop { $0.isWhitespace }
            return after.first != ":"
        }
    }
}
