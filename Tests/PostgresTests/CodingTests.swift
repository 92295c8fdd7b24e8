import Testing

@testable import Postgres

@Suite("Binary formats")
struct CodingTests {
    @Test(
        "a decimal keeps its digits and its scale",
        arguments: [
            "0", "0.00", "1", "-1", "10000", "99999999", "0.0001", "-0.00012345", "12345.6789",
            "1000000000000000000000000000000.000000000000000000000000000000000001", "100.50",
            "NaN", "Infinity", "-Infinity",
        ]
    )
    func numericRoundTrip(text: String) throws {
        let number = try #require(PostgresNumeric(text))
        #expect(number.description == text)
        #expect(try decoded(encoded(number), .numeric, as: PostgresNumeric.self) == number)
    }

    @Test(
        "what is no decimal is refused",
        arguments: ["", "-", "1.", ".5", "1e3", " 1", "1,5", "+1"]
    )
    func numericRefusals(text: String) {
        #expect(PostgresNumeric(text) == nil)
    }

    @Test("leading zeros and a negative zero are not kept")
    func numericCanonical() {
        #expect(PostgresNumeric("007")?.description == "7")
        #expect(PostgresNumeric("-0.0")?.description == "0.0")
    }

    @Test("malformed bytes are refused, not read past their end")
    func malformed() {
        #expect(throws: PostgresDecodingFailure.self) { try decoded([0, 0], .int8, as: Int.self) }
        #expect(throws: PostgresDecodingFailure.self) { try decoded([2], .bool, as: Bool.self) }
        #expect(throws: PostgresDecodingFailure.self) {
            try decoded([0xFF, 0xFE], .text, as: String.self)
        }
        #expect(throws: PostgresDecodingFailure.self) {
            try decoded([2, 0x7B, 0x7D], .jsonb, as: String.self)
        }
        let array = encoded([Int64(1), 2, 3])
        for length in 0..<array.count {
            #expect(throws: PostgresDecodingFailure.self) {
                try decoded(Array(array.prefix(length)), .int8Array, as: [Int64].self)
            }
        }
        #expect(throws: PostgresDecodingFailure.self) {
            try decoded(array + [0], .int8Array, as: [Int64].self)
        }
        #expect(throws: PostgresDecodingFailure.self) {
            try decoded([0, 1, 0xFF, 0xFF, 0, 0, 0, 0], .numeric, as: PostgresNumeric.self)
        }
    }

    @Test("a type is read as its own Swift types only")
    func mismatches() {
        let eight = encoded(Int64(1))
        #expect(throws: PostgresDecodingFailure.typeMismatch) {
            try decoded(eight, .int8, as: Int32.self)
        }
        #expect(throws: PostgresDecodingFailure.typeMismatch) {
            try decoded(eight, .timestamptz, as: Int64.self)
        }
        #expect(throws: PostgresDecodingFailure.typeMismatch) {
            try decoded(eight, PostgresType(oid: 1114), as: PostgresTimestamp.self)
        }
        #expect(throws: PostgresDecodingFailure.typeMismatch) {
            try decoded(encoded([Int64(1)]), .int4Array, as: [Int64].self)
        }
        #expect(throws: PostgresDecodingFailure.outOfRange) {
            try decoded(encoded(Int16(256)), .int2, as: UInt8.self)
        }
    }

    @Test("smaller integers and reals are read as larger ones")
    func widening() throws {
        #expect(try decoded(encoded(Int16(-7)), .int2, as: Int.self) == -7)
        #expect(try decoded(encoded(Int32(-7)), .int4, as: Int64.self) == -7)
        #expect(try decoded(encoded(Int16(-7)), .int2, as: Int32.self) == -7)
        #expect(try decoded(encoded(Float(0.5)), .float4, as: Double.self) == 0.5)
    }

    @Test("an instant outside the type's range never becomes an infinity")
    func extremeInstants() throws {
        for microseconds: Int64 in [.min, .min + 946_684_800_000_000] {
            #expect(PostgresTimestamp(microseconds: microseconds).isFinite)
        }
        #expect(PostgresTimestamp(microseconds: .max).microseconds == .max)
        #expect(PostgresTimestamp.infinity.microseconds == nil)
        #expect(PostgresTimestamp.negativeInfinity < PostgresTimestamp(microseconds: .min))
        // 9,223,371,331,200,000,000 µs after 2000 is the end of the year 294276.
        let last = try decoded(
            encoded(Int64(9_223_371_331_199_999_999)),
            .timestamptz,
            as: PostgresTimestamp.self
        )
        #expect(last.isFinite && last.microseconds == nil)
        for day: Int in [.min, .max, Int(Int32.min) + 10_957, Int(Int32.max) + 10_957] {
            #expect(PostgresDate(dayNumber: day).isFinite)
        }
    }

    @Test("bytes are bytea, and an array of optionals has NULLs")
    func arrays() throws {
        #expect([UInt8].postgresType == .bytea)
        #expect([[UInt8]].postgresType == .byteaArray)
        #expect([String?].postgresType == .textArray)
        let values: [String?] = ["a", nil, ""]
        #expect(try decoded(encoded(values), .textArray, as: [String?].self) == values)
        #expect(throws: PostgresDecodingFailure.unexpectedNull) {
            try decoded(encoded(values), .textArray, as: [String].self)
        }
    }
}
