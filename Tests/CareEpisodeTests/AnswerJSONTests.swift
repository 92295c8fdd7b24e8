import TestSupport
import Testing

@testable import CareEpisode

@Suite("Answers as JSON")
struct AnswerJSONTests {
    @Test(
        "A number that is none is null, however it is written",
        arguments: [Double.infinity, -.infinity, .nan, .signalingNaN]
    )
    func notFinite(_ number: Double) throws {
        let answer: AnswerJSON = ["percent": .number(number), "list": [.number(number)]]
        #expect(
            String(decoding: answer.bytes, as: UTF8.self) == #"{"percent":null,"list":[null]}"#
        )
        #expect(
            String(decoding: answer.canonicalBytes, as: UTF8.self)
                == #"{"list":[null],"percent":null}"#
        )
    }

    @Test("Every finite number is a number of JSON, and is read back as it was")
    func finite() {
        let form = #/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/#
        var random = SeededRandom(seed: 11)
        for _ in 0..<2_000 {
            let number = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &random))
            guard number.isFinite else { continue }
            let answer = AnswerJSON.number(number)
            for bytes in [answer.bytes, answer.canonicalBytes] {
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(text.wholeMatch(of: form) != nil, "\(text)")
                #expect(Double(text) == number)
            }
        }
    }
}
