import Testing

@testable import Postgres

@Suite("Binary formats")
struct CodingTests {
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
                try decoded(Array(array.prefix(length)), .int8.array, as: [Int64].self)
            }
        }
        #expect(throws: PostgresDecodingFailure.self) {
            try decoded(array + [0], .int8.array, as: [Int64].self)
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
            try decoded(encoded([Int64(1)]), .int4.array, as: [Int64].self)
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

    @Test("bytes are bytea, and an array of optionals has NULLs")
    func arrays() throws {
        #expect([UInt8].postgresType == .bytea)
        #expect([[UInt8]].postgresType == .bytea.array)
        #expect([String?].postgresType == .text.array)
        let values: [String?] = ["a", nil, ""]
        #expect(try decoded(encoded(values), .text.array, as: [String?].self) == values)
        #expect(throws: PostgresDecodingFailure.unexpectedNull) {
            try decoded(encoded(values), .text.array, as: [String].self)
        }
    }
}
