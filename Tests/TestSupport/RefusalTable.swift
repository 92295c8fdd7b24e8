/// One import line that must be refused, and everything that must be said about it.
public struct RefusalCase: Sendable, CustomStringConvertible {
    public let name: String
    /// The line, without a newline. Not always UTF-8.
    public let line: [UInt8]
    /// Pointer and detail of each error, in their order.
    public let errors: [String]

    public var description: String { name }
}

/// What `docs/events.md`, "Shape", refuses, rule by rule.
///
/// Each line is refused for its shape alone, so that the same table shows, against a database, that
/// nothing is written.
public enum RefusalTable {
    public static let cases: [RefusalCase] = [
        notJSON, notUTF8, strings, numbers, structure, envelope, recorded, admitted,
        sessionAttended, sessionMissed, medicationAdjusted, familySessionHeld, steps,
        programChanged, ends, amendments,
    ].flatMap { $0 }

    // MARK: JSON

    static let notJSON: [RefusalCase] = [
        raw("an empty line", "", "the event is not JSON: it ends too early, at byte 0"),
        raw("white space", "  ", "the event is not JSON: it ends too early, at byte 2"),
        raw("words", "admitted", "the event is not JSON: a value is expected at byte 0"),
        raw("an array", "[]", "the event must be an object"),
        raw("null", "null", "the event must be an object"),
        raw("a string", #""admitted""#, "the event must be an object"),
        raw("a number", "12", "the event must be an object"),
        raw("true", "true", "the event must be an object"),
        raw("a cut literal", "tru", "the event is not JSON: a value is expected at byte 0"),
        raw("a cut object", "{", "the event is not JSON: it ends too early, at byte 1"),
        raw("a cut name", #"{"type"#, "the event is not JSON: it ends too early, at byte 6"),
        raw(
            "a name without value",
            #"{"type"}"#,
            "the event is not JSON: a colon is expected at byte 7"
        ),
        raw(
            "a missing value",
            #"{"type":}"#,
            "the event is not JSON: a value is expected at byte 8"
        ),
        raw(
            "a comma at the end",
            #"{"type":"admitted",}"#,
            "the event is not JSON: a member's name in quotes is expected at byte 19"
        ),
        raw(
            "a comma at an array's end",
            #"{"a":[1,]}"#,
            "the event is not JSON: a value is expected at byte 8"
        ),
        raw(
            "a name without quotes",
            "{type:1}",
            "the event is not JSON: a member's name in quotes is expected at byte 1"
        ),
        raw(
            "single quotes",
            "{'type':1}",
            "the event is not JSON: a member's name in quotes is expected at byte 1"
        ),
        raw(
            "a comment",
            #"{"a":1 /* */}"#,
            "the event is not JSON: a comma or a closing bracket is expected at byte 7"
        ),
        raw(
            "brackets that do not match",
            #"{"a":[1}"#,
            "the event is not JSON: a comma or a closing bracket is expected at byte 7"
        ),
        raw(
            "two values",
            "{} {}",
            "the event is not JSON: nothing may follow the value at byte 3"
        ),
        raw("NaN", #"{"a":NaN}"#, "the event is not JSON: a value is expected at byte 5"),
        raw("Infinity", #"{"a":Infinity}"#, "the event is not JSON: a value is expected at byte 5"),
        raw(
            "minus Infinity",
            #"{"a":-Infinity}"#,
            "the event is not JSON: a digit is expected at byte 6"
        ),
        raw("a plus sign", #"{"a":+1}"#, "the event is not JSON: a value is expected at byte 5"),
        raw(
            "no digit before the point",
            #"{"a":.5}"#,
            "the event is not JSON: a value is expected at byte 5"
        ),
        raw(
            "no digit after the point",
            #"{"a":1.}"#,
            "the event is not JSON: a digit is expected at byte 7"
        ),
        raw(
            "no digit in the exponent",
            #"{"a":1e}"#,
            "the event is not JSON: a digit is expected at byte 7"
        ),
        raw("only a sign", #"{"a":-}"#, "the event is not JSON: a digit is expected at byte 6"),
        raw(
            "a leading zero",
            #"{"a":01}"#,
            "the event is not JSON: a number begins with 0 at byte 6"
        ),
        raw(
            "hexadecimal",
            #"{"a":0x1}"#,
            "the event is not JSON: a comma or a closing bracket is expected at byte 6"
        ),
        raw(
            "a raw control character",
            "{\"a\":\"\t\"}",
            "the event is not JSON: a control character must be escaped at byte 6"
        ),
        raw(
            "a raw U+0000",
            "{\"a\":\"\0\"}",
            "the event is not JSON: a control character must be escaped at byte 6"
        ),
        raw(
            "an unknown escape",
            #"{"a":"\x41"}"#,
            "the event is not JSON: an unknown escape at byte 6"
        ),
        raw(
            "an escape that is not hexadecimal",
            #"{"a":"\u00g0"}"#,
            "the event is not JSON: an unknown escape at byte 6"
        ),
        raw("a cut escape", #"{"a":"\u00"#, "the event is not JSON: it ends too early, at byte 10"),
        raw("a cut string", #"{"a":"x"#, "the event is not JSON: it ends too early, at byte 7"),
        raw(
            "a vertical tab as white space",
            "{\u{0B}}",
            "the event is not JSON: a member's name in quotes is expected at byte 1"
        ),
        raw(
            "a byte order mark",
            "\u{FEFF}{}",
            "the event must not begin with a byte order mark"
        ),
        raw(
            "a hundred thousand open arrays",
            String(repeating: "[", count: 100_000),
            "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0 must not be nested more than 16 deep",
            "the event is nested too deep to be read to its end"
        ),
    ]

    // MARK: UTF-8

    static let notUTF8: [RefusalCase] = [
        bytes("a lone continuation byte", [0x80]),
        bytes("a byte that UTF-8 never has", [0xFF]),
        bytes("an overlong slash of two bytes", [0xC0, 0xAF]),
        bytes("an overlong slash of three bytes", [0xE0, 0x80, 0xAF]),
        bytes("an overlong slash of four bytes", [0xF0, 0x80, 0x80, 0xAF]),
        bytes("an overlong U+0000", [0xC0, 0x80]),
        bytes("a surrogate in UTF-8", [0xED, 0xA0, 0x80]),
        bytes("a scalar above U+10FFFF", [0xF4, 0x90, 0x80, 0x80]),
        bytes("a lead byte of five", [0xF8, 0x88, 0x80, 0x80, 0x80]),
        bytes("two bytes cut to one", [0xC3]),
        bytes("three bytes cut to two", [0xE2, 0x82]),
        bytes("four bytes cut to three", [0xF0, 0x9F, 0x98]),
        bytes("ISO 8859-1", [0x4A, 0xF6, 0x72, 0x67]),
        RefusalCase(
            name: "wrong UTF-8 outside of strings",
            line: Array("{\"a\":".utf8) + [0xC3, 0xA4] + Array("}".utf8),
            errors: ["the event is not JSON: a value is expected at byte 5"]
        ),
        RefusalCase(
            name: "UTF-16",
            line: [0xFF, 0xFE, 0x7B, 0x00, 0x7D, 0x00],
            errors: ["the event is not JSON: a value is expected at byte 0"]
        ),
    ]

    // MARK: Strings

    static let strings: [RefusalCase] = [
        data(
            "an escaped U+0000",
            "admitted",
            minimal["admitted"]! + #","reason":"a\u0000b""#,
            "/data/reason must not contain U+0000"
        ),
        data(
            "a lone high surrogate",
            "admitted",
            minimal["admitted"]! + #","reason":"\ud800""#,
            "/data/reason must not contain a lone surrogate"
        ),
        data(
            "a lone low surrogate",
            "admitted",
            minimal["admitted"]! + #","reason":"\udc00""#,
            "/data/reason must not contain a lone surrogate"
        ),
        data(
            "a high surrogate before another character",
            "admitted",
            minimal["admitted"]! + #","reason":"\ud83dx""#,
            "/data/reason must not contain a lone surrogate"
        ),
        data(
            "a high surrogate before another escape",
            "admitted",
            minimal["admitted"]! + #","reason":"\ud83d\u0041""#,
            "/data/reason must not contain a lone surrogate"
        ),
        data(
            "surrogates in the wrong order",
            "admitted",
            minimal["admitted"]! + #","reason":"\ude00\ud83d""#,
            "/data/reason must not contain a lone surrogate"
        ),
        data(
            "4097 characters",
            "admitted",
            minimal["admitted"]! + ",\"reason\":\"\(String(repeating: "ä", count: 4097))\"",
            "/data/reason must have at most 4096 characters"
        ),
        data(
            "4097 escaped characters",
            "admitted",
            minimal["admitted"]! + ",\"reason\":\"\(String(repeating: #"\n"#, count: 4097))\"",
            "/data/reason must have at most 4096 characters"
        ),
        data(
            "4097 characters of an author",
            "admitted",
            minimal["admitted"]!,
            ["author": "{\"id\":\"\(String(repeating: "x", count: 4097))\",\"role\":\"nurse\"}"],
            "/author/id must have at most 4096 characters"
        ),
        data(
            "65537 characters of summary",
            "completed",
            "\"summary\":\"\(String(repeating: "s", count: 65_537))\"",
            "/data/summary must have at most 65536 characters"
        ),
        data(
            "65537 characters of rationale",
            "program_changed",
            "\"program\":\"evening\",\"rationale\":\"\(String(repeating: "s", count: 65_537))\"",
            "/data/rationale must have at most 65536 characters"
        ),
        data(
            "65537 characters of condition and of instructions",
            "discharged",
            """
            "reason":"died","condition":"\(String(repeating: "s", count: 65_537))",\
            "instructions":"\(String(repeating: "s", count: 65_537))"
            """,
            "/data/condition must have at most 65536 characters",
            "/data/instructions must have at most 65536 characters"
        ),
        data(
            "4097 characters in an element",
            "admitted",
            minimal["admitted"]! + ",\"allergies\":[\"\(String(repeating: "x", count: 4097))\"]",
            "/data/allergies/0 must have at most 4096 characters"
        ),
        data(
            "a name of 4097 characters",
            "admitted",
            minimal["admitted"]! + ",\"\(String(repeating: "x", count: 4097))\":1",
            "/data/… must have at most 4096 characters"
        ),
        data(
            "U+0000 in a name",
            "admitted",
            minimal["admitted"]! + #","a\u0000":1"#,
            "/data/… must not contain U+0000"
        ),
        data(
            "a lone surrogate in a name",
            "admitted",
            minimal["admitted"]! + #","\ud800":1"#,
            "/data/… must not contain a lone surrogate"
        ),
    ]

    // MARK: Numbers

    static let numbers: [RefusalCase] = [
        dose("16 digits", "0.1234567890123456", "must have at most 15 significant digits"),
        dose(
            "16 digits with zeros at the end",
            "1.000000000000000",
            "must have at most 15 significant digits"
        ),
        dose(
            "16 digits before the point",
            "1234567890123456",
            "must have at most 15 significant digits"
        ),
        dose(
            "a thousand digits",
            String(repeating: "7", count: 1000),
            "must have at most 15 significant digits"
        ),
        dose("10¹⁵", "1e15", "must be below 1000000000000000"),
        dose("minus 10¹⁵", "-1e15", "must be below 1000000000000000"),
        dose("10⁴⁰⁰", "1e400", "must be below 1000000000000000"),
        dose(
            "an exponent beyond 64 bits",
            "1e99999999999999999999",
            "must be below 1000000000000000"
        ),
        dose("zeros before a huge exponent", "0.0000001e22", "must be below 1000000000000000"),
        dose("10⁻⁴⁰⁰", "1e-400", "must be 0 or further from 0 than 1e-300"),
        dose(
            "a negative exponent beyond 64 bits",
            "1e-99999999999999999999",
            "must be 0 or further from 0 than 1e-300"
        ),
        dose("no dose", "0", "must be greater than 0"),
        dose("no dose with a huge exponent", "0e999999999999", "must be greater than 0"),
        dose("minus zero", "-0", "must be greater than 0"),
        dose("less than none", "-0.5", "must be greater than 0"),
        dose("a number in quotes", "\"5\"", "must be a number"),
        dose("null instead of a number", "null", "must be a number"),
        dose("true instead of a number", "true", "must be a number"),
        dose("an array instead of a number", "[5]", "must be a number"),
        minutes(
            "a fraction of zeros",
            "12.0",
            "must be an integer, written without fraction and exponent"
        ),
        minutes("an exponent", "1e1", "must be an integer, written without fraction and exponent"),
        minutes("a fraction", "12.5", "must be an integer, written without fraction and exponent"),
        minutes("an integer in quotes", "\"12\"", "must be an integer"),
        minutes("null instead of an integer", "null", "must be an integer"),
        minutes("no minutes", "0", "must be from 1 to 720"),
        minutes("minus zero minutes", "-0", "must be from 1 to 720"),
        minutes("less than no minutes", "-5", "must be from 1 to 720"),
        minutes("721 minutes", "721", "must be from 1 to 720"),
        minutes("as many minutes as numbers may be", "999999999999999", "must be from 1 to 720"),
        minutes(
            "more minutes than 64 bits",
            "99999999999999999999",
            "must have at most 15 significant digits"
        ),
    ]

    // MARK: Structure

    static let structure: [RefusalCase] = [
        raw(
            "an empty object",
            "{}",
            "/event_id is required",
            "/episode_id is required",
            "/type is required",
            "/occurred_at is required",
            "/author is required",
            "/data is required"
        ),
        envelope(
            "an unknown field of the envelope",
            ["recordedAt": "1"],
            "/recordedAt is not a field of this object"
        ),
        envelope(
            "a field in camel case",
            ["schemaVersion": "1"],
            "/schemaVersion is not a field of this object"
        ),
        envelope(
            "an unknown field with an empty name",
            ["": "1"],
            "/… is not a field of this object"
        ),
        envelope(
            "an unknown field with what no name has",
            ["a/b~c": "1"],
            "/… is not a field of this object"
        ),
        envelope(
            "a control character in an unknown field",
            [#"a\nb"#: "1"],
            "/… is not a field of this object"
        ),
        data(
            "an unknown field that says something of the client",
            "admitted",
            minimal["admitted"]! + #","Jane Roe, born 1970":1"#,
            "/data/… is not a field of this object"
        ),
        envelope(
            "an unknown field of the author",
            ["author": #"{"id":"a","role":"nurse","name":"A"}"#],
            "/author/name is not a field of this object"
        ),
        data(
            "an unknown field of the data",
            "admitted",
            minimal["admitted"]! + #","name":"X""#,
            "/data/name is not a field of this object"
        ),
        data(
            "an unknown field deep inside",
            "admitted",
            minimal["admitted"]!
                + #","medications":[{"medication":{"name":"x","brand":"y"}}]"#,
            "/data/medications/0/medication/brand is not a field of this object"
        ),
        data(
            "the same key twice",
            "admitted",
            minimal["admitted"]! + #","program":"b""#,
            "/data/program must appear only once"
        ),
        data(
            "the same key three times",
            "admitted",
            minimal["admitted"]! + #","program":"b","program":"c""#,
            "/data/program must appear only once",
            "/data/program must appear only once"
        ),
        data(
            "the same key twice, once escaped",
            "admitted",
            minimal["admitted"]! + #","\u0070rogram":"b""#,
            "/data/program must appear only once"
        ),
        data(
            "the same key twice deep inside",
            "admitted",
            minimal["admitted"]! + #","payer":{"class":"medicare","class":"medicare"}"#,
            "/data/payer/class must appear only once"
        ),
        data(
            "the same unknown key twice",
            "admitted",
            minimal["admitted"]! + #","x":1,"x":1"#,
            "/data/x is not a field of this object",
            "/data/x must appear only once"
        ),
        data(
            "the same key twice among many",
            "completed",
            (0..<30).map { "\"x\($0)\":1" }.joined(separator: ",") + #","x3":1"#,
            (0..<30).map { "/data/x\($0) is not a field of this object" }
                + ["/data/x3 must appear only once"]
        ),
        envelope(
            "the same key twice in the author",
            ["author": #"{"id":"a","role":"nurse","id":"a"}"#],
            "/author/id must appear only once"
        ),
        raw(
            "the data twice",
            String(decoding: line(type: "completed", data: "").dropLast(), as: UTF8.self)
                + #","data":{}}"#,
            "/data must appear only once"
        ),
        data(
            "257 elements",
            "admitted",
            minimal["admitted"]!
                + ",\"allergies\":[\(Array(repeating: "\"x\"", count: 257).joined(separator: ","))]",
            "/data/allergies must have at most 256 elements"
        ),
        data(
            "17 levels",
            "admitted",
            minimal["admitted"]! + ",\"x\":\(nested(15))",
            "/data/x is not a field of this object",
            "/data/x\(String(repeating: "/0", count: 14)) must not be nested more than 16 deep"
        ),
        data(
            "17 levels of objects",
            "admitted",
            minimal["admitted"]! + ",\"x\":"
                + String(repeating: "{\"a\":", count: 15) + "1" + String(repeating: "}", count: 15),
            "/data/x is not a field of this object",
            "/data/x\(String(repeating: "/a", count: 14)) must not be nested more than 16 deep"
        ),
        RefusalCase(
            name: "an event of more than 256 KiB",
            line: line(
                type: "completed",
                data: (0..<9).map { "\"x\($0)\":\"\(String(repeating: "s", count: 32_768))\"" }
                    .joined(separator: ",")
            ),
            errors: ["the event must have at most 262144 bytes"]
        ),
        data(
            "more errors than anyone reads",
            "completed",
            (0..<150).map { "\"x\($0)\":1" }.joined(separator: ","),
            (0..<100).map { "/data/x\($0) is not a field of this object" }
                + ["the event has more than 100 errors; the rest is not told"]
        ),
        data(
            "errors everywhere",
            "medication_adjusted",
            #""medication":{"name":""},"change":"raise","regimen":{"dose":0,"x":1},"prescriber":7"#,
            ["occurred_at": "\"yesterday\"", "author": #"{"id":"","role":"doctor"}"#],
            "/occurred_at must be a time with an offset, such as 2025-01-31T18:05:00Z",
            "/author/id must not be empty",
            "/author/role must be one of \(roles)",
            "/data/medication/name must not be empty",
            "/data/change must be one of \(changes)",
            "/data/regimen/dose must be greater than 0",
            "/data/regimen/x is not a field of this object",
            "/data/prescriber must be a string"
        ),
    ]

    // MARK: Envelope

    static let envelope: [RefusalCase] = [
        envelope("no event id", ["event_id": nil], "/event_id is required"),
        envelope("a null event id", ["event_id": "null"], "/event_id must be \(uuid)"),
        envelope("a number as event id", ["event_id": "1"], "/event_id must be \(uuid)"),
        envelope("an empty event id", ["event_id": "\"\""], "/event_id must be \(uuid)"),
        envelope(
            "a UUID without hyphens",
            ["event_id": "\"0192f0c17a007000800000000000a001\""],
            "/event_id must be \(uuid)"
        ),
        envelope(
            "a UUID in braces",
            ["event_id": "\"{0192f0c1-7a00-7000-8000-00000000a001}\""],
            "/event_id must be \(uuid)"
        ),
        envelope(
            "a UUID as a URN",
            ["event_id": "\"urn:uuid:0192f0c1-7a00-7000-8000-00000000a001\""],
            "/event_id must be \(uuid)"
        ),
        envelope(
            "a UUID with a letter too far",
            ["event_id": "\"0192f0c1-7a00-7000-8000-00000000a00g\""],
            "/event_id must be \(uuid)"
        ),
        envelope(
            "a UUID with its hyphens elsewhere",
            ["event_id": "\"0192f0c17-a00-7000-8000-00000000a001\""],
            "/event_id must be \(uuid)"
        ),
        envelope("no episode id", ["episode_id": nil], "/episode_id is required"),
        envelope("a name as episode id", ["episode_id": "\"X\""], "/episode_id must be \(uuid)"),
        envelope(
            "a wrong correlation id",
            ["correlation_id": "\"X\""],
            "/correlation_id must be \(uuid)"
        ),
        envelope("a null causation id", ["causation_id": "null"], "/causation_id must be \(uuid)"),
        envelope("no type", ["type": nil], "/type is required"),
        envelope("an unknown type", ["type": "\"transferred\""], "/type must be one of \(types)"),
        envelope("a type in upper case", ["type": "\"Admitted\""], "/type must be one of \(types)"),
        envelope("an empty type", ["type": "\"\""], "/type must be one of \(types)"),
        envelope("a number as type", ["type": "1"], "/type must be a string"),
        envelope("schema version 2", ["schema_version": "2"], "/schema_version must be 1"),
        envelope("schema version 0", ["schema_version": "0"], "/schema_version must be 1"),
        envelope("schema version −1", ["schema_version": "-1"], "/schema_version must be 1"),
        envelope(
            "schema version 1.0",
            ["schema_version": "1.0"],
            "/schema_version must be an integer, written without fraction and exponent"
        ),
        envelope(
            "schema version \"1\"",
            ["schema_version": "\"1\""],
            "/schema_version must be an integer"
        ),
        envelope(
            "a null schema version",
            ["schema_version": "null"],
            "/schema_version must be an integer"
        ),
        envelope("no time", ["occurred_at": nil], "/occurred_at is required"),
        instant("a null time", "null"),
        instant("a time as a number", "1738346700"),
        instant("a date instead of a time", "\"2025-01-31\""),
        instant("a time without offset", "\"2025-01-31T18:05:00\""),
        instant("a time without seconds", "\"2025-01-31T18:05Z\""),
        instant("a time with a space", "\"2025-01-31 18:05:00Z\""),
        instant("an offset without colon", "\"2025-01-31T18:05:00+0100\""),
        instant("an offset of hours alone", "\"2025-01-31T18:05:00+01\""),
        instant("an offset of 24 hours", "\"2025-01-31T18:05:00+24:00\""),
        instant("an offset with 60 minutes", "\"2025-01-31T18:05:00+01:60\""),
        instant("a leap second", "\"2016-12-31T23:59:60Z\""),
        instant("24:00", "\"2025-01-31T24:00:00Z\""),
        instant("minute 60", "\"2025-01-31T18:60:00Z\""),
        instant("a point without digits", "\"2025-01-31T18:05:00.Z\""),
        instant("a comma before the fraction", "\"2025-01-31T18:05:00,5Z\""),
        instant("30 February", "\"2025-02-30T00:00:00Z\""),
        instant("29 February of a common year", "\"2025-02-29T00:00:00Z\""),
        instant("29 February 1900", "\"1900-02-29T00:00:00Z\""),
        instant("month 13", "\"2025-13-01T00:00:00Z\""),
        instant("month 0", "\"2025-00-01T00:00:00Z\""),
        instant("day 0", "\"2025-01-00T00:00:00Z\""),
        instant("year 0", "\"0000-06-01T00:00:00Z\""),
        instant("a year that an offset carries to 0", "\"0001-01-01T00:00:00+00:01\""),
        instant("a year that an offset carries to 10000", "\"9999-12-31T23:59:59-00:01\""),
        instant("a year of five digits", "\"12025-01-31T18:05:00Z\""),
        instant("a negative year", "\"-025-01-31T18:05:00Z\""),
        instant("a time with white space around", "\" 2025-01-31T18:05:00Z\""),
        instant("a time with something behind", "\"2025-01-31T18:05:00Z \""),
        instant("Arabic digits", "\"٢٠٢٥-01-31T18:05:00Z\""),
        envelope(
            "a date as source_recorded_at",
            ["source_recorded_at": "\"2025-01-31\""],
            "/source_recorded_at must be a time with an offset, such as 2025-01-31T18:05:00Z"
        ),
        envelope("no author", ["author": nil], "/author is required"),
        envelope("an author as a string", ["author": "\"a\""], "/author must be an object"),
        envelope(
            "an empty author",
            ["author": "{}"],
            "/author/id is required",
            "/author/role is required"
        ),
        envelope(
            "an author with an empty id",
            ["author": #"{"id":"","role":"nurse"}"#],
            "/author/id must not be empty"
        ),
        envelope(
            "an author with an unknown role",
            ["author": #"{"id":"a","role":"doctor"}"#],
            "/author/role must be one of \(roles)"
        ),
        envelope(
            "an author with a number as id",
            ["author": #"{"id":1,"role":"nurse"}"#],
            "/author/id must be a string"
        ),
        envelope("no data", ["data": nil], "/data is required"),
        envelope("null data", ["data": "null"], "/data must be an object"),
        envelope("data as an array", ["data": "[]"], "/data must be an object"),
    ]

    static let recorded: [RefusalCase] = [
        envelope("a position", ["position": "1"], recordedEvent),
        envelope("a version", ["version": "1"], recordedEvent),
        envelope("a ledger", ["ledger": "\"default\""], recordedEvent),
        envelope("a time of recording", ["recorded_at": "\"2025-01-31T18:05:00Z\""], recordedEvent),
        envelope("a principal", ["recorded_by": "\"cli:root\""], recordedEvent),
        envelope(
            "a whole recorded event",
            [
                "ledger": "\"default\"", "leaf_hash": "\"00\"", "position": "1",
                "recorded_at": "\"2025-01-31T18:05:00.000000Z\"", "recorded_by": "\"cli:root\"",
                "version": "1",
            ],
            recordedEvent
        ),
    ]

    // MARK: Types

    static let admitted: [RefusalCase] = [
        data(
            "an admission without anything",
            "admitted",
            "",
            "/data/client_id is required",
            "/data/program is required",
            "/data/level_of_care is required"
        ),
        data(
            "an admission with empty required strings",
            "admitted",
            #""client_id":"","program":"","level_of_care":"""#,
            "/data/client_id must not be empty",
            "/data/program must not be empty",
            "/data/level_of_care must be one of \(levels)"
        ),
        admitted(
            "an unknown level",
            #""prior_level_of_care":"iop""#,
            "/data/prior_level_of_care must be one of \(levels)"
        ),
        admitted(
            "a level code without code",
            #""level_code":{"system":"asam"}"#,
            "/data/level_code/code is required"
        ),
        admitted(
            "a level code as a string",
            #""level_code":"2.1""#,
            "/data/level_code must be an object"
        ),
        admitted("an empty track", #""track":"""#, "/data/track must not be empty"),
        admitted("a null track", #""track":null"#, "/data/track must be a string"),
        admitted("an empty schedule", #""schedule":"""#, "/data/schedule must not be empty"),
        admitted(
            "an empty referral source",
            #""referral_source":"""#,
            "/data/referral_source must not be empty"
        ),
        admitted(
            "no planned hours",
            #""planned_hours_per_week":0"#,
            "/data/planned_hours_per_week must be greater than 0 and at most 60"
        ),
        admitted(
            "60.5 planned hours",
            #""planned_hours_per_week":60.5"#,
            "/data/planned_hours_per_week must be greater than 0 and at most 60"
        ),
        admitted(
            "no planned days",
            #""planned_days_per_week":0"#,
            "/data/planned_days_per_week must be from 1 to 7"
        ),
        admitted(
            "eight planned days",
            #""planned_days_per_week":8"#,
            "/data/planned_days_per_week must be from 1 to 7"
        ),
        admitted(
            "2.5 planned days",
            #""planned_days_per_week":2.5"#,
            "/data/planned_days_per_week must be an integer, written without fraction and exponent"
        ),
        date("a date with a time", "\"2025-01-31T00:00:00Z\""),
        date("a date that does not exist", "\"2025-02-29\""),
        date("a date without hyphens", "\"20250131\""),
        date("a date without leading zeros", "\"2025-1-31\""),
        date("a date as a number", "20250131"),
        date("a date of the year 0", "\"0000-01-31\""),
        admitted("a reason as an object", #""reason":{}"#, "/data/reason must be a string"),
        admitted("diagnoses as an object", #""diagnoses":{}"#, "/data/diagnoses must be an array"),
        admitted(
            "a diagnosis as a string",
            #""diagnoses":["F10.20"]"#,
            "/data/diagnoses/0 must be an object"
        ),
        admitted(
            "an empty diagnosis",
            #""diagnoses":[{}]"#,
            "/data/diagnoses/0/system is required",
            "/data/diagnoses/0/code is required"
        ),
        admitted(
            "two diagnoses that are wrong each in its way",
            #""diagnoses":[{"system":"icd-10","code":"F10.20"},{"system":"icd-9-cm","code":"","role":"main"}]"#,
            "/data/diagnoses/0/system must be one of icd-10-cm, icd-9-cm",
            "/data/diagnoses/1/code must not be empty",
            "/data/diagnoses/1/role must be one of principal, secondary"
        ),
        admitted("a payer without class", #""payer":{}"#, "/data/payer/class is required"),
        admitted(
            "an unknown payer",
            #""secondary_payer":{"class":"aetna"}"#,
            "/data/secondary_payer/class must be one of medicare, medicaid, commercial, other_government, self_pay, no_charge, other"
        ),
        admitted(
            "fewer units than none",
            #""payer":{"class":"other","authorized_units":-1}"#,
            "/data/payer/authorized_units must be at least 0"
        ),
        admitted(
            "half a unit",
            #""payer":{"class":"other","authorized_units":0.5}"#,
            "/data/payer/authorized_units must be an integer, written without fraction and exponent"
        ),
        admitted(
            "an unknown unit",
            #""payer":{"class":"other","unit":"week"}"#,
            "/data/payer/unit must be one of visit, day, hour"
        ),
        admitted(
            "a time as an authorization's date",
            #""payer":{"class":"other","authorized_from_date":"2025-01-01T00:00:00Z","authorized_to_date":"x"}"#,
            "/data/payer/authorized_from_date must be \(aDate)",
            "/data/payer/authorized_to_date must be \(aDate)"
        ),
        admitted(
            "an arrival medication without medication",
            #""medications":[{}]"#,
            "/data/medications/0/medication is required"
        ),
        admitted(
            "an arrival medication as a string",
            #""medications":[{"medication":"sertraline"}]"#,
            "/data/medications/0/medication must be an object"
        ),
        admitted(
            "an arrival regimen without dose",
            #""medications":[{"medication":{"name":"x"},"regimen":{"dose":0,"times_per_day":0,"as_needed":"yes"}}]"#,
            "/data/medications/0/regimen/dose must be greater than 0",
            "/data/medications/0/regimen/times_per_day must be greater than 0",
            "/data/medications/0/regimen/as_needed must be true or false"
        ),
        admitted(
            "an allergy as an object",
            #""allergies":["nuts",{}]"#,
            "/data/allergies/1 must be a string"
        ),
        admitted(
            "allergies as a string",
            #""allergies":"none""#,
            "/data/allergies must be an array"
        ),
        admitted("a time zone as a number", #""time_zone":1"#, "/data/time_zone must be a string"),
    ]

    static let sessionAttended: [RefusalCase] = [
        data(
            "a session without anything",
            "session_attended",
            "",
            "/data/session_id is required",
            "/data/kind is required",
            "/data/minutes is required"
        ),
        session(
            "an empty session id",
            #""session_id":"","kind":"group","minutes":60"#,
            "/data/session_id must not be empty"
        ),
        session(
            "an unknown kind",
            #""session_id":"s","kind":"family","minutes":60"#,
            "/data/kind must be one of \(kinds)"
        ),
        sessionWith(
            "an unknown modality",
            #""modality":"emdr""#,
            "/data/modality must be one of cbt, mi, dbt, twelve_step, other"
        ),
        sessionWith(
            "an unknown attendance",
            #""attendance":"none""#,
            "/data/attendance must be one of full, late, left_early"
        ),
        sessionWith(
            "an unknown mode",
            #""mode":"phone""#,
            "/data/mode must be one of in_person, video, audio"
        ),
        sessionWith("a place as a number", #""place":11"#, "/data/place must be a string"),
        sessionWith(
            "a service code as a number",
            #""service_code":90853"#,
            "/data/service_code must be a string"
        ),
        sessionWith(
            "a negative group size",
            #""group_size":-1"#,
            "/data/group_size must be at least 0"
        ),
        sessionWith(
            "a fraction of a group",
            #""group_size":7.5"#,
            "/data/group_size must be an integer, written without fraction and exponent"
        ),
        sessionWith(
            "a facilitator without id",
            #""facilitators":[{"role":"therapist"}]"#,
            "/data/facilitators/0/id is required"
        ),
        sessionWith(
            "a facilitator as a string",
            #""facilitators":["a"]"#,
            "/data/facilitators/0 must be an object"
        ),
        sessionWith(
            "a boolean in quotes",
            #""counts_toward_hours":"true""#,
            "/data/counts_toward_hours must be true or false"
        ),
        sessionWith(
            "a boolean as a number",
            #""counts_toward_hours":1"#,
            "/data/counts_toward_hours must be true or false"
        ),
        sessionWith(
            "the text of a note",
            #""note":"…""#,
            "/data/note is not a field of this object"
        ),
        sessionWith(
            "a note reference as an object",
            #""note_ref":{}"#,
            "/data/note_ref must be a string"
        ),
    ]

    static let sessionMissed: [RefusalCase] = [
        data(
            "a missed session without anything",
            "session_missed",
            "",
            "/data/kind is required",
            "/data/reason is required"
        ),
        data(
            "a missed session of unknown kind",
            "session_missed",
            #""kind":"couple","reason":"no_show""#,
            "/data/kind must be one of \(kinds), family"
        ),
        data(
            "a missed session for an unknown reason",
            "session_missed",
            #""kind":"family","reason":"ill""#,
            "/data/reason must be one of no_show, cancelled_by_client, cancelled_by_program, excused"
        ),
        data(
            "a missed session of no minutes",
            "session_missed",
            #""kind":"family","reason":"no_show","scheduled_minutes":0"#,
            "/data/scheduled_minutes must be from 1 to 720"
        ),
        data(
            "minutes of a missed session",
            "session_missed",
            #""kind":"family","reason":"no_show","minutes":60"#,
            "/data/minutes is not a field of this object"
        ),
    ]

    static let medicationAdjusted: [RefusalCase] = [
        data(
            "a change of medication without anything",
            "medication_adjusted",
            "",
            "/data/medication is required",
            "/data/change is required",
            "/data/prescriber is required"
        ),
        data(
            "a medication without name",
            "medication_adjusted",
            #""medication":{"rxcui":"36437"},"change":"start","prescriber":"p""#,
            "/data/medication/name is required"
        ),
        data(
            "a medication as a string",
            "medication_adjusted",
            #""medication":"sertraline","change":"start","prescriber":"p""#,
            "/data/medication must be an object"
        ),
        data(
            "an rxcui as a number",
            "medication_adjusted",
            #""medication":{"name":"x","rxcui":36437},"change":"start","prescriber":"p""#,
            "/data/medication/rxcui must be a string"
        ),
        data(
            "an empty prescriber",
            "medication_adjusted",
            #""medication":{"name":"x"},"change":"start","prescriber":"""#,
            "/data/prescriber must not be empty"
        ),
        change("an unknown change", "taper", "", "/data/change must be one of \(changes)"),
        change(
            "an increase without regimen",
            "increase",
            "",
            "/data/regimen is required for this change"
        ),
        change(
            "a decrease without regimen",
            "decrease",
            "",
            "/data/regimen is required for this change"
        ),
        change(
            "a change of frequency without regimen",
            "change_frequency",
            "",
            "/data/regimen is required for this change"
        ),
        change(
            "a change of route without regimen",
            "change_route",
            "",
            "/data/regimen is required for this change"
        ),
        change(
            "a switch without anything",
            "switch",
            "",
            "/data/regimen is required for this change",
            "/data/replaces is required for switch"
        ),
        change(
            "a switch without the medication replaced",
            "switch",
            #","regimen":{"dose":1}"#,
            "/data/replaces is required for switch"
        ),
        change(
            "a switch without regimen",
            "switch",
            #","replaces":{"name":"y"}"#,
            "/data/regimen is required for this change",
            "/data/replaces is allowed only with a regimen"
        ),
        change(
            "a hold with a regimen",
            "hold",
            #","regimen":{"dose":1}"#,
            "/data/regimen is not allowed for hold, stop and unchanged"
        ),
        change(
            "a stop with a regimen",
            "stop",
            #","regimen":{}"#,
            "/data/regimen is not allowed for hold, stop and unchanged"
        ),
        change(
            "a review with a regimen",
            "unchanged",
            #","regimen":{"dose":1}"#,
            "/data/regimen is not allowed for hold, stop and unchanged"
        ),
        change(
            "a stop that replaces",
            "stop",
            #","replaces":{"name":"y"}"#,
            "/data/replaces is allowed only with a regimen"
        ),
        change(
            "a start that replaces without regimen",
            "start",
            #","replaces":{"name":"y"}"#,
            "/data/replaces is allowed only with a regimen"
        ),
        change(
            "a resumption that replaces without regimen",
            "resume",
            #","replaces":{"name":"y"}"#,
            "/data/replaces is allowed only with a regimen"
        ),
        change(
            "a hold with both",
            "hold",
            #","regimen":{"dose":1},"replaces":{"name":"y"}"#,
            "/data/regimen is not allowed for hold, stop and unchanged",
            "/data/replaces is allowed only with a regimen"
        ),
        change(
            "a replaced medication without name",
            "switch",
            #","regimen":{"dose":1},"replaces":{}"#,
            "/data/replaces/name is required"
        ),
        change(
            "no times a day",
            "start",
            #","regimen":{"times_per_day":0}"#,
            "/data/regimen/times_per_day must be greater than 0"
        ),
        change(
            "a unit as a number",
            "start",
            #","regimen":{"dose":1,"unit":1}"#,
            "/data/regimen/unit must be a string"
        ),
        change(
            "a regimen as a string",
            "increase",
            #","regimen":"10 mg""#,
            "/data/regimen must be an object"
        ),
        change("a null regimen", "start", #","regimen":null"#, "/data/regimen must be an object"),
        change(
            "a reason as a string",
            "start",
            #","reason":"side-effect""#,
            "/data/reason must be an object"
        ),
        change(
            "an empty reason code",
            "start",
            #","reason":{"code":""}"#,
            "/data/reason/code must not be empty"
        ),
        change(
            "an indication as a string",
            "start",
            #","indication":"pain""#,
            "/data/indication must be an object"
        ),
        change(
            "an unknown field of an indication",
            "start",
            #","indication":{"display":"pain"}"#,
            "/data/indication/display is not a field of this object"
        ),
    ]

    static let familySessionHeld: [RefusalCase] = [
        data(
            "a family session without anything",
            "family_session_held",
            "",
            "/data/session_id is required",
            "/data/minutes is required",
            "/data/participants is required",
            "/data/client_present is required"
        ),
        family(
            "a family session without participants",
            #""participants":[],"client_present":true"#,
            "/data/participants must have at least one element"
        ),
        family(
            "a participant without relation",
            #""participants":[{}],"client_present":true"#,
            "/data/participants/0/relation is required"
        ),
        family(
            "an unknown relation",
            #""participants":[{"relation":"mother"}],"client_present":true"#,
            "/data/participants/0/relation must be one of spouse, partner, parent, child, sibling, other_family, other_support"
        ),
        family(
            "participants as a number",
            #""participants":2,"client_present":true"#,
            "/data/participants must be an array"
        ),
        family(
            "257 participants",
            "\"participants\":[\(Array(repeating: #"{"relation":"child"}"#, count: 257).joined(separator: ","))],\"client_present\":true",
            "/data/participants must have at most 256 elements"
        ),
        family(
            "a presence in words",
            #""participants":[{"relation":"child"}],"client_present":"yes""#,
            "/data/client_present must be true or false"
        ),
        family(
            "an unknown focus",
            #""participants":[{"relation":"child"}],"client_present":true,"focus":"grief""#,
            "/data/focus must be one of psychoeducation, communication, safety_plan, relapse_prevention, discharge_planning, other"
        ),
        family(
            "an unknown mode of a participant",
            #""participants":[{"relation":"child","mode":"phone"}],"client_present":true"#,
            "/data/participants/0/mode must be one of in_person, video, audio"
        ),
        family(
            "a kind of family session",
            #""participants":[{"relation":"child"}],"client_present":true,"kind":"group""#,
            "/data/kind is not a field of this object"
        ),
    ]

    static let steps: [RefusalCase] = [
        data(
            "a step without anything",
            "stepped_down",
            "",
            "/data/from_level is required",
            "/data/to_level is required",
            "/data/rationale is required"
        ),
        step(
            "a step down to the same level",
            "stepped_down",
            "outpatient",
            "outpatient",
            "/data/to_level must be lower than from_level"
        ),
        step(
            "a step down to a higher level",
            "stepped_down",
            "outpatient",
            "inpatient",
            "/data/to_level must be lower than from_level"
        ),
        step(
            "a step up to the same level",
            "stepped_up",
            "residential",
            "residential",
            "/data/to_level must be higher than from_level"
        ),
        step(
            "a step up to a lower level",
            "stepped_up",
            "residential",
            "recovery_monitoring",
            "/data/to_level must be higher than from_level"
        ),
        step(
            "a step to an unknown level",
            "stepped_up",
            "residential",
            "hospital",
            "/data/to_level must be one of \(levels)"
        ),
        step(
            "a step from an unknown level",
            "stepped_down",
            "hospital",
            "outpatient",
            "/data/from_level must be one of \(levels)"
        ),
        data(
            "a step without rationale",
            "stepped_down",
            #""from_level":"inpatient","to_level":"outpatient","rationale":"""#,
            "/data/rationale must not be empty"
        ),
        data(
            "a step with days planned",
            "stepped_up",
            #""from_level":"outpatient","to_level":"inpatient","rationale":"r","planned_days_per_week":3"#,
            "/data/planned_days_per_week is not a field of this object"
        ),
        data(
            "a step with 61 hours planned",
            "stepped_up",
            #""from_level":"outpatient","to_level":"inpatient","rationale":"r","planned_hours_per_week":61"#,
            "/data/planned_hours_per_week must be greater than 0 and at most 60"
        ),
        data(
            "a step with half a level code",
            "stepped_up",
            #""from_level":"outpatient","to_level":"inpatient","rationale":"r","to_level_code":{"code":"4"}"#,
            "/data/to_level_code/system is required"
        ),
        data(
            "a step decided by a list",
            "stepped_up",
            #""from_level":"outpatient","to_level":"inpatient","rationale":"r","decided_by":[]"#,
            "/data/decided_by must be a string"
        ),
    ]

    static let programChanged: [RefusalCase] = [
        data(
            "a program change without anything",
            "program_changed",
            "",
            "/data/rationale is required",
            "/data must have at least one of program, track, schedule, planned_hours_per_week"
        ),
        data(
            "a program change of nothing",
            "program_changed",
            #""rationale":"r","decided_by":"d""#,
            "/data must have at least one of program, track, schedule, planned_hours_per_week"
        ),
        data(
            "a program change without rationale",
            "program_changed",
            #""program":"p""#,
            "/data/rationale is required"
        ),
        data(
            "a program change with a level",
            "program_changed",
            #""program":"p","rationale":"r","to_level":"outpatient""#,
            "/data/to_level is not a field of this object"
        ),
        data(
            "a program change to an empty track",
            "program_changed",
            #""track":"","rationale":"r""#,
            "/data/track must not be empty"
        ),
    ]

    static let ends: [RefusalCase] = [
        data(
            "a completion with an empty disposition",
            "completed",
            #""disposition":"""#,
            "/data/disposition must not be empty"
        ),
        data(
            "a completion with a reason",
            "completed",
            #""reason":"completed""#,
            "/data/reason is not a field of this object"
        ),
        data(
            "a date as the last contact",
            "completed",
            #""last_contact_at":"2025-01-31""#,
            "/data/last_contact_at must be \(aTime)"
        ),
        data(
            "an empty goal",
            "completed",
            #""goals":[{}]"#,
            "/data/goals/0/text is required",
            "/data/goals/0/status is required"
        ),
        data(
            "an unknown status of a goal",
            "completed",
            #""goals":[{"text":"t","status":"open"}]"#,
            "/data/goals/0/status must be one of met, partly_met, not_met"
        ),
        data(
            "empty aftercare",
            "completed",
            #""aftercare":[{}]"#,
            "/data/aftercare/0/provider is required"
        ),
        data(
            "a date as the time of aftercare",
            "completed",
            #""aftercare":[{"provider":"p","at":"2025-01-31"}]"#,
            "/data/aftercare/0/at must be \(aTime)"
        ),
        data(
            "a diagnosis at the end without code",
            "completed",
            #""diagnoses":[{"system":"icd-10-cm"}]"#,
            "/data/diagnoses/0/code is required"
        ),
        data(
            "instructions as a list",
            "completed",
            #""instructions":["rest"]"#,
            "/data/instructions must be a string"
        ),
        data("a discharge without reason", "discharged", "", "/data/reason is required"),
        data(
            "a discharge that is a completion",
            "discharged",
            #""reason":"completed""#,
            "/data/reason must be one of dropped_out, terminated, transferred, incarcerated, died, other"
        ),
        data(
            "a discharge with an unknown field",
            "discharged",
            #""reason":"died","cause":"x""#,
            "/data/cause is not a field of this object"
        ),
    ]

    static let amendments: [RefusalCase] = [
        data(
            "a correction without anything",
            "entry_corrected",
            "",
            "/data/target_event_id is required",
            "/data/reason is required",
            "/data/replacement is required"
        ),
        correction("a replacement as a string", #""x""#, "/data/replacement must be an object"),
        correction("a replacement as an array", "[]", "/data/replacement must be an object"),
        correction("a null replacement", "null", "/data/replacement must be an object"),
        correction(
            "the same key twice in a replacement",
            #"{"a":1,"a":1}"#,
            "/data/replacement/a must appear only once"
        ),
        correction(
            "too many digits in a replacement",
            #"{"dose":1234567890.1234567}"#,
            "/data/replacement/dose must have at most 15 significant digits"
        ),
        correction(
            "a lone surrogate in a replacement",
            #"{"topic":"\udfff"}"#,
            "/data/replacement/topic must not contain a lone surrogate"
        ),
        correction(
            "4097 characters in a replacement",
            "{\"topic\":\"\(String(repeating: "x", count: 4097))\"}",
            "/data/replacement/topic must have at most 4096 characters"
        ),
        data(
            "a correction of a name",
            "entry_corrected",
            #""target_event_id":"x","reason":"r","replacement":{}"#,
            "/data/target_event_id must be \(uuid)"
        ),
        data(
            "a correction for no reason",
            "entry_corrected",
            "\"target_event_id\":\"\(target)\",\"reason\":\"\",\"replacement\":{}",
            "/data/reason must not be empty"
        ),
        data(
            "a correction to a date",
            "entry_corrected",
            "\"target_event_id\":\"\(target)\",\"reason\":\"r\",\"replacement\":{},\"replacement_occurred_at\":\"2025-01-31\"",
            "/data/replacement_occurred_at must be \(aTime)"
        ),
        data(
            "a retraction without anything",
            "entry_retracted",
            "",
            "/data/target_event_id is required",
            "/data/reason is required"
        ),
        data(
            "a retraction with a replacement",
            "entry_retracted",
            "\"target_event_id\":\"\(target)\",\"reason\":\"r\",\"replacement\":{}",
            "/data/replacement is not a field of this object"
        ),
        data(
            "a retraction of null",
            "entry_retracted",
            #""target_event_id":null,"reason":"r""#,
            "/data/target_event_id must be \(uuid)"
        ),
    ]
}

// MARK: How the table is written

extension RefusalTable {
    static let target = "0192f0c1-7a00-7000-8000-00000000beef"
    static let uuid = "a UUID of 8-4-4-4-12 hexadecimal digits"
    static let aDate = "a date of the calendar, such as 2025-01-31"
    static let aTime = "a time with an offset, such as 2025-01-31T18:05:00Z"
    static let recordedEvent =
        "the event is a recorded event; import takes what export --as-import writes"
    static let levels =
        "inpatient, residential, partial_hospitalization, intensive_outpatient, outpatient, "
        + "recovery_monitoring"
    static let roles =
        "physician, prescriber, nurse, psychologist, therapist, counselor, social_worker, "
        + "occupational_therapist, case_manager, pharmacist, peer, administrator, system, other"
    static let types =
        "admitted, session_attended, medication_adjusted, family_session_held, stepped_down, "
        + "completed, session_missed, stepped_up, program_changed, discharged, entry_corrected, "
        + "entry_retracted"
    static let kinds =
        "individual, group, psychoeducation, activity, occupational_therapy, "
        + "medication_management, case_management, peer_support, assessment, "
        + "crisis_intervention, other"
    static let changes =
        "start, increase, decrease, change_frequency, change_route, switch, hold, resume, stop, "
        + "unchanged"

    /// The required members of a type's data.
    static let minimal = [
        "admitted": #""client_id":"C-1","program":"iop","level_of_care":"intensive_outpatient""#,
        "session_attended": #""session_id":"s-1","kind":"group","minutes":60"#,
    ]

    /// A line of a valid envelope, but for `changes` (raw JSON; nil leaves a member out).
    static func line(type: String, data: String, _ changes: [String: String?] = [:]) -> [UInt8] {
        var members: [(String, String)] = [
            ("event_id", "\"0192f0c1-7a00-7000-8000-00000000a001\""),
            ("episode_id", "\"0192f0c1-7a00-7000-8000-00000000e001\""),
            ("type", "\"\(type)\""),
            ("occurred_at", "\"2025-01-31T18:05:00Z\""),
            ("author", #"{"id":"a-1","role":"therapist"}"#),
            ("data", "{\(data)}"),
        ]
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            if let index = members.firstIndex(where: { $0.0 == name }) {
                if let value { members[index].1 = value } else { members.remove(at: index) }
            } else if let value {
                members.append((name, value))
            }
        }
        let text = members.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",")
        return Array("{\(text)}".utf8)
    }

    private static func raw(_ name: String, _ line: String, _ errors: String...) -> RefusalCase {
        RefusalCase(name: name, line: Array(line.utf8), errors: errors)
    }

    private static func bytes(_ name: String, _ text: [UInt8]) -> RefusalCase {
        let parts = String(
            decoding: line(type: "admitted", data: minimal["admitted"]! + #","reason":"@""#),
            as: UTF8.self
        ).split(separator: "@")
        return RefusalCase(
            name: name,
            line: Array(parts[0].utf8) + text + Array(parts[1].utf8),
            errors: ["/data/reason must be well-formed UTF-8"]
        )
    }

    private static func envelope(
        _ name: String,
        _ changes: [String: String?],
        _ errors: String...
    ) -> RefusalCase {
        RefusalCase(
            name: name,
            line: line(type: "admitted", data: minimal["admitted"]!, changes),
            errors: errors
        )
    }

    private static func data(
        _ name: String,
        _ type: String,
        _ data: String,
        _ errors: String...
    ) -> RefusalCase {
        RefusalCase(name: name, line: line(type: type, data: data), errors: errors)
    }

    private static func data(
        _ name: String,
        _ type: String,
        _ data: String,
        _ changes: [String: String?],
        _ errors: String...
    ) -> RefusalCase {
        RefusalCase(name: name, line: line(type: type, data: data, changes), errors: errors)
    }

    private static func data(
        _ name: String,
        _ type: String,
        _ data: String,
        _ errors: [String]
    ) -> RefusalCase {
        RefusalCase(name: name, line: line(type: type, data: data), errors: errors)
    }

    private static func dose(_ name: String, _ number: String, _ error: String) -> RefusalCase {
        change(
            "\(name) as a dose",
            "start",
            ",\"regimen\":{\"dose\":\(number)}",
            "/data/regimen/dose \(error)"
        )
    }

    private static func minutes(_ name: String, _ number: String, _ error: String) -> RefusalCase {
        session(
            "\(name) as minutes",
            "\"session_id\":\"s\",\"kind\":\"group\",\"minutes\":\(number)",
            "/data/minutes \(error)"
        )
    }

    private static func instant(_ name: String, _ time: String) -> RefusalCase {
        envelope(name, ["occurred_at": time], "/occurred_at must be \(aTime)")
    }

    private static func date(_ name: String, _ date: String) -> RefusalCase {
        admitted(name, "\"planned_end_date\":\(date)", "/data/planned_end_date must be \(aDate)")
    }

    private static func admitted(_ name: String, _ more: String, _ errors: String...) -> RefusalCase
    {
        data(name, "admitted", minimal["admitted"]! + "," + more, errors)
    }

    private static func session(_ name: String, _ json: String, _ errors: String...) -> RefusalCase
    {
        data(name, "session_attended", json, errors)
    }

    private static func sessionWith(_ name: String, _ more: String, _ errors: String...)
        -> RefusalCase
    {
        data(name, "session_attended", minimal["session_attended"]! + "," + more, errors)
    }

    private static func change(
        _ name: String,
        _ change: String,
        _ more: String,
        _ errors: String...
    ) -> RefusalCase {
        data(
            name,
            "medication_adjusted",
            "\"medication\":{\"name\":\"x\"},\"change\":\"\(change)\",\"prescriber\":\"p\"" + more,
            errors
        )
    }

    private static func family(_ name: String, _ more: String, _ errors: String...) -> RefusalCase {
        data(name, "family_session_held", #""session_id":"s","minutes":60,"# + more, errors)
    }

    private static func step(
        _ name: String,
        _ type: String,
        _ from: String,
        _ to: String,
        _ errors: String...
    ) -> RefusalCase {
        data(
            name,
            type,
            "\"from_level\":\"\(from)\",\"to_level\":\"\(to)\",\"rationale\":\"r\"",
            errors
        )
    }

    private static func correction(_ name: String, _ replacement: String, _ errors: String...)
        -> RefusalCase
    {
        data(
            name,
            "entry_corrected",
            "\"target_event_id\":\"\(target)\",\"reason\":\"r\",\"replacement\":\(replacement)",
            errors
        )
    }

    /// Arrays in each other.
    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
}
