import TestSupport
import Testing

@testable import CareEpisode

@Suite("Canonical JSON")
struct CanonicalJSONTests {
    /// RFC 8785, appendix B, but for NaN and infinity, which no JSON holds.
    static let numbers: [(bits: UInt64, text: String)] = [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ]

    @Test("Numbers are written as in RFC 8785, appendix B", arguments: numbers)
    func publishedNumbers(_ bits: UInt64, _ text: String) {
        #expect(canonical(Double(bitPattern: bits)) == text)
    }

    @Test(
        "Numbers that writers send are written in their shortest form",
        arguments: [
            ("12", "12"), ("12.0", "12"), ("1.20e1", "12"), ("0.50", "0.5"), ("5E-1", "0.5"),
            ("-0", "0"), ("-0.0", "0"), ("0e9", "0"), ("1e14", "100000000000000"),
            ("999999999999999", "999999999999999"), ("0.1", "0.1"), ("0.0000001", "1e-7"),
            ("0.000001", "0.000001"), ("0.00000123", "0.00000123"), ("1.5e-10", "1.5e-10"),
            ("123456789012.345", "123456789012.345"), ("-2.50", "-2.5"), ("1e-300", "1e-300"),
            ("100e-2", "1"), ("0.3", "0.3"), ("2.675", "2.675"), ("10e13", "100000000000000"),
        ]
    )
    func writtenNumbers(_ sent: String, _ written: String) {
        let (document, isJSON) = JSONReader.read(Array(sent.utf8))
        #expect(isJSON && document.errors.isEmpty)
        #expect(String(decoding: document.canonical(0, .rfc8785), as: UTF8.self) == written)
    }

    @Test("Any number of at most 15 digits reads back as it was, and so does what is written")
    func randomNumbers() {
        var generator = SeededRandom(seed: 8785)
        for _ in 0..<20_000 {
            let digits = Int.random(in: 0..<1_000_000_000_000_000, using: &generator)
            let exponent = Int.random(in: -40...0, using: &generator)
            let text = "\(digits)e\(exponent)"
            let value = Array(text.utf8).withUnsafeBufferPointer { CanonicalNumber.value(of: $0) }
            #expect(value == Double(text), "\(text), \(generator)")
            #expect(Double(canonical(value)) == value, "\(text), \(generator)")
            let plain = "\(digits / 1000).\(digits % 1000)"
            let read = Array(plain.utf8).withUnsafeBufferPointer { CanonicalNumber.value(of: $0) }
            #expect(read == Double(plain), "\(plain), \(generator)")
        }
    }

    @Test("RFC 8785, section 3.2.2: literals, numbers, strings")
    func publishedExample() {
        let sent = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        let written = #"""
            {"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],\#
            "string":"€$\u000f\nA'B\"\\\\\"/"}
            """#
        #expect(canonicalJSON(sent) == written)
    }

    @Test("RFC 8785, section 3.2.3: members sorted by UTF-16 code units")
    func publishedOrder() {
        let sent = #"""
            {"\u20ac": "Euro Sign", "\r": "Carriage Return",
             "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
             "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
             "\u00f6": "Latin Small Letter O With Diaeresis"}
            """#
        let written =
            #"{"\r":"Carriage Return","1":"One","\#u{80}":"Control","#
            + #""ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","#
            + #""😀":"Emoji: Grinning Face","\#u{FB33}":"Hebrew Letter Dalet With Dagesh"}"#
        #expect(canonicalJSON(sent) == written)
    }

    @Test("Names sort as their UTF-16 code units do, whatever they are")
    func randomOrder() {
        var generator = SeededRandom(seed: 16)
        let scalars: [Unicode.Scalar] = [
            "a", "b", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{EFFF}",
            "\u{F000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}", "\u{1F600}",
        ]
        for _ in 0..<500 {
            var names: Set<[UInt16]> = []
            var members: [String] = []
            for _ in 0..<6 {
                var name = ""
                for _ in 0..<Int.random(in: 0...3, using: &generator) {
                    name.unicodeScalars.append(scalars.randomElement(using: &generator)!)
                }
                if names.insert(Array(name.utf16)).inserted { members.append(name) }
            }
            let sorted = members.sorted { $0.utf16.lexicographicallyPrecedes($1.utf16) }
            let text = { (names: [String]) in
                "{" + names.map { "\"\($0)\":1" }.joined(separator: ",") + "}"
            }
            #expect(canonicalJSON(text(members)) == text(sorted), "\(generator)")
        }
    }

    @Test("Every control character is escaped as RFC 8785 says, and nothing else is")
    func controlCharacters() {
        let short: [UInt8: String] = [8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r"]
        for byte in UInt8(0)..<0x80 {
            var writer = CanonicalWriter()
            [byte].withUnsafeBufferPointer { writer.write(utf8: $0) }
            let expected: String
            if byte < 0x20 {
                expected = short[byte] ?? "\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            } else if byte == 0x22 || byte == 0x5C {
                expected = "\\" + String(UnicodeScalar(byte))
            } else {
                expected = String(UnicodeScalar(byte))
            }
            #expect(String(decoding: writer.bytes, as: UTF8.self) == "\"\(expected)\"")
        }
    }

    private func canonicalJSON(_ text: String) -> String {
        let (document, isJSON) = JSONReader.read(Array(text.utf8))
        #expect(isJSON)
        return String(decoding: document.canonical(0, .rfc8785), as: UTF8.self)
    }

    private func canonical(_ value: Double) -> String {
        var bytes: [UInt8] = []
        CanonicalNumber.write(value, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
