import Testing

@testable import Postgres

@Suite("Binary COPY data")
struct BinaryCopyTests {
    private func rows(
        _ messages: [[UInt8]]
    ) throws -> (rows: [[Int64?]], decoder: BinaryCopyDecoder) {
        var decoder = BinaryCopyDecoder()
        var rows: [[Int64?]] = []
        for message in messages {
            try message.withUnsafeBytes { bytes in
                try decoder.decode(bytes) { row in
                    var fields: [Int64?] = []
                    for _ in 0..<row.columns { fields.append(try row.next(Int64?.self)) }
                    rows.append(fields)
                }
            }
        }
        return (rows, decoder)
    }

    private func data(_ rows: [[Int64?]]) -> [UInt8] {
        var encoder = BinaryCopyEncoder()
        for row in rows {
            encoder.row(columns: row.count)
            for field in row { encoder.append(field) }
        }
        encoder.finish()
        return encoder.take()
    }

    @Test("what is encoded is decoded, NULLs and rows without columns included")
    func roundTrip() throws {
        let expected: [[Int64?]] = [[1, nil], [], [.max, .min]]
        let (read, decoder) = try rows([data(expected)])
        #expect(read == expected)
        #expect(decoder.isFinished)
        #expect(decoder.rowCount == 3)
    }

    @Test("data without rows is header and trailer")
    func empty() throws {
        let (read, decoder) = try rows([data([])])
        #expect(read.isEmpty)
        #expect(decoder.isFinished)
    }

    @Test("every message but the first begins with a row")
    func messages() throws {
        let bytes = data([[1], [2]])
        let first = Array(bytes[..<33])
        let (read, decoder) = try rows([first, Array(bytes[33..<47]), Array(bytes[47...])])
        #expect(read == [[1], [2]])
        #expect(decoder.isFinished)
        #expect(try !rows([first]).decoder.isFinished)
    }

    @Test("fields a reader leaves are passed over")
    func skipping() throws {
        var decoder = BinaryCopyDecoder()
        var firsts: [Int64] = []
        try data([[1, 2], [3, 4]]).withUnsafeBytes { bytes in
            try decoder.decode(bytes) { row in firsts.append(try row.next()) }
        }
        #expect(firsts == [1, 3])
    }

    @Test("data that was cut or is no COPY data is refused")
    func malformed() {
        let bytes = data([[1, nil]])
        // Where a message may end: after header, row and trailer.
        for length in 1..<bytes.count where ![19, bytes.count - 2].contains(length) {
            #expect(throws: PostgresError.self) { try rows([Array(bytes.prefix(length))]) }
        }
        #expect(throws: PostgresError.self) { try rows([Array("1\t2\n".utf8)]) }
        #expect(throws: PostgresError.self) { try rows([bytes, [0, 0]]) }
        var flagged = bytes
        flagged[11] = 1
        flagged[12] = 1
        #expect(throws: PostgresError.self) { try rows([flagged]) }
    }

    @Test("reading a field as another type, or one too many, names field and row")
    func misreading() throws {
        let bytes = data([[1], [2]])
        let error = try #require(throws: PostgresError.self) {
            var decoder = BinaryCopyDecoder()
            try bytes.withUnsafeBytes { bytes in
                try decoder.decode(bytes) { row in
                    _ = try row.next(Int64.self)
                    if row.number == 2 { _ = try row.next(Int64.self) }
                }
            }
        }
        #expect(error.code == .decoding)
        #expect(error.description.contains("row 2"))
    }
}
