import CareEpisode
import TestSupport
import Testing

@Suite("Identifiers")
struct IdentifierTests {
    @Test("A UUID is read in either case and written in lower case")
    func reading() throws {
        let id = try #require(EventID("0192F0C1-7a00-7000-8ABC-def012345678"))
        #expect(id.description == "0192f0c1-7a00-7000-8abc-def012345678")
        #expect(id.bits == 0x0192_f0c1_7a00_7000_8abc_def0_1234_5678)
        #expect(id.bytes.prefix(4) == [0x01, 0x92, 0xF0, 0xC1] && id.bytes.last == 0x78)
        #expect(EventID(bytes: id.bytes) == id)
        #expect(EventID("x0192f0c1-7a00-7000-8abc-def012345678".dropFirst()) == id)
    }

    @Test(
        "Anything else is no UUID",
        arguments: [
            "", "0192f0c17a0070008abcdef012345678", "0192f0c1-7a00-7000-8abc-def01234567",
            "0192f0c1-7a00-7000-8abc-def0123456789", "0192f0c1-7a00-7000-8abcd-ef012345678",
            "g192f0c1-7a00-7000-8abc-def012345678", "0192f0c1 7a00 7000 8abc def012345678",
            "{192f0c1-7a00-7000-8abc-def01234567}", "0192f0c1-7a00-7000-8abc-def0１２３",
        ]
    )
    func refusing(_ text: String) {
        #expect(EventID(text) == nil)
    }

    @Test("Random identifiers say version 4, ordered ones version 7 and their millisecond")
    func making() {
        var generator = SeededRandom(seed: 9562)
        let at = Instant(microseconds: 1_738_346_700_123_456)
        for _ in 0..<1000 {
            let random = EventID.random(using: &generator)
            #expect(random.bits >> 76 & 0xF == 4 && random.bits >> 62 & 3 == 2, "\(generator)")
            let ordered = EventID.timeOrdered(at: at, using: &generator)
            #expect(ordered.bits >> 76 & 0xF == 7 && ordered.bits >> 62 & 3 == 2, "\(generator)")
            #expect(ordered.bits >> 80 == 1_738_346_700_123, "\(generator)")
            #expect(EventID(ordered.description) == ordered, "\(generator)")
        }
        let earlier = EventID.timeOrdered(at: at, using: &generator)
        let later = EventID.timeOrdered(at: at.advanced(bySeconds: 1), using: &generator)
        #expect(earlier < later && earlier.description < later.description)
    }

    @Test("The bytes of known identifiers are most significant first")
    func randomBytes() {
        var generator = SeededRandom(seed: 16)
        for _ in 0..<500 {
            let id = EpisodeID.random(using: &generator)
            let hex = id.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            #expect(id.description.filter { $0 != "-" } == hex, "\(generator)")
        }
    }

    @Test(
        "Names of ledgers fit a URL and a file name",
        arguments: [
            ("default", true), ("a", true), ("0", true), ("a-b_c9", true),
            (String(repeating: "a", count: 63), true), (String(repeating: "a", count: 64), false),
            ("", false), ("-a", false), ("_a", false), ("A", false), ("a b", false), ("a/b", false),
            ("a.b", false), ("ä", false), ("a\n", false), ("..", false),
        ]
    )
    func ledgerNames(_ text: String, _ isName: Bool) {
        #expect(LedgerName(text)?.description == (isName ? text : nil))
    }

    @Test("The first position and version come after zero")
    func counting() {
        #expect(Position.zero.next == Position(1) && Position.zero < Position.zero.next)
        #expect(Version.zero.next == Version(rawValue: 1) && Version(2).description == "2")
    }
}
