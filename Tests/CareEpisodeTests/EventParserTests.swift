import TestSupport
import Testing

@testable import CareEpisode

@Suite("Parsing requests")
struct EventParserTests {
    private let envelope =
        #""occurred_at":"2025-01-31T18:05:00Z","author":{"id":"a","role":"nurse"}"#

    private func event(_ number: Int, data: String = "{}", more: String = "") -> String {
        let id = "0192f0c1-7a00-7000-8000-00000000a0\(number < 10 ? "0" : "")\(number)"
        return #"{"event_id":"\#(id)","type":"completed",\#(envelope),"data":\#(data)\#(more)}"#
    }

    private func parse(
        _ json: String,
        from source: EventParser.Source = .writer
    ) throws(Refusal) -> [EventDraft] {
        try EventParser.parseRequest(Array(json.utf8), from: source).events
    }

    private func errors(_ json: String, from source: EventParser.Source = .writer) -> [String] {
        do throws(Refusal) {
            _ = try parse(json, from: source)
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }

    @Test("A request is one event or an array of them, in order")
    func shapes() throws {
        #expect(
            try parse(" " + event(1) + "\n").map(\.eventID.bits) == [
                0x0192f0c17a00700080000000_0000a001
            ]
        )
        let many = "\t[" + (0..<99).map { event($0) }.joined(separator: " ,") + "]"
        #expect(try parse(many).count == 99)
        #expect(errors("[]") == ["the event must be an event or an array of 1 to 256 events"])
        #expect(errors("1") == ["the event must be an object"])
        #expect(errors("[1,[]]") == ["/0 must be an object", "/1 must be an object"])
    }

    @Test("256 events are accepted and 257 are not")
    func manyEvents() throws {
        let one = event(1)
        #expect(
            try parse("[" + Array(repeating: one, count: 256).joined(separator: ",") + "]").count
                == 256
        )
        #expect(
            errors("[" + Array(repeating: one, count: 257).joined(separator: ",") + "]")
                == ["the event must have at most 256 elements"]
        )
    }

    @Test("Errors in an array name the event by its index")
    func indices() {
        let list =
            "[\(event(1)),\(event(2, data: #"{"goals":[{}]}"#)),\(event(3, more: #","x":1"#))]"
        #expect(
            errors(list) == [
                "/1/data/goals/0/text is required", "/1/data/goals/0/status is required",
                "/2/x is not a field of this object",
            ]
        )
    }

    @Test("An array does not count as a level of its events")
    func nestingInArrays() {
        let deepest = String(repeating: "[", count: 14) + String(repeating: "]", count: 14)
        let tooDeep = "[" + deepest + "]"
        #expect(
            errors("[\(event(1, data: "{\"x\":\(deepest)}"))]") == [
                "/0/data/x is not a field of this object"
            ]
        )
        #expect(
            errors("[\(event(1, data: "{\"x\":\(tooDeep)}"))]") == [
                "/0/data/x is not a field of this object",
                "/0/data/x\(String(repeating: "/0", count: 14)) must not be nested more than 16 deep",
            ]
        )
    }

    @Test("Each event of a request has its own 256 KiB")
    func sizes() throws {
        let summary = String(repeating: "ä", count: 65_000)
        let large = event(1, data: #"{"summary":"\#(summary)"}"#)
        #expect(try parse("[\(large),\(large),\(large)]").count == 3)
        // Two bytes each: with instructions and condition it is over 256 KiB.
        let data =
            #"{"summary":"\#(summary)","instructions":"\#(summary)","condition":"\#(summary)"}"#
        #expect(
            errors("[\(large),\(event(2, data: data))]") == ["/1 must have at most 262144 bytes"]
        )
        #expect(errors(event(2, data: data)) == ["the event must have at most 262144 bytes"])
        let limit =
            262_144 - event(1, data: #"{"condition":"","instructions":"","summary":""}"#).utf8.count
        let text = { (count: Int) in String(repeating: "😀", count: count) }
        let rest = limit - 3 * 4 * 21_000
        let exact = event(
            1,
            data: """
                {"condition":"\(text(21_000))","instructions":"\(text(21_000))",\
                "summary":"\(text(21_000))\(String(repeating: "x", count: rest))"}
                """
        )
        #expect(exact.utf8.count == 262_144)
        #expect(try parse(exact).count == 1)
        #expect(try parse("  " + exact + "  ").count == 1)
        #expect(
            errors(exact.replacing("\"data\":", with: "\"data\": ")) == [
                "the event must have at most 262144 bytes"
            ]
        )
    }

    @Test("Of a list without end 256 elements are kept, and it is refused as it was")
    func endlessLists() {
        let ones = Array("[1\(String(repeating: ",1", count: 200_000))]".utf8)
        let (document, isJSON) = JSONReader.read(ones)
        #expect(isJSON && document.nodes.count == 257)
        #expect(document.errors.map(\.code) == ["too_many"])
        #expect(
            errors(String(decoding: ones, as: UTF8.self))
                == ["the event must have at most 256 elements"]
        )
        // What is wrong in elements that are not kept is not told; that it is no JSON is.
        let deep = "[\(String(repeating: "[[1],", count: 90))1\(String(repeating: "]", count: 91))"
        let many = String(repeating: "0,", count: 256)
        let (cut, isWhole) = JSONReader.read(Array("[\(many)\(deep),\"\\ud800\"]".utf8))
        #expect(isWhole && cut.nodes.count == 257 && cut.errors.map(\.code) == ["too_many"])
        #expect(cut.unescaped.isEmpty)
        #expect(!JSONReader.read(Array("[\(many)1,]".utf8)).isJSON)
        let full = JSONReader.read(Array("[\(many.dropLast())]".utf8))
        #expect(full.isJSON && full.document.nodes.count == 257 && full.document.errors.isEmpty)
    }

    @Test("A list is not read to its end where an element is larger than an event may be")
    func endlessElements() {
        let members = (0..<60_000).map { "\"m\($0)\":1" }.joined(separator: ",")
        let one = event(1)
        // That the rest is no JSON does not matter any more.
        #expect(
            errors("[\(one),{\(members),\"n\":tru}]") == ["/1 must have at most 262144 bytes"]
        )
        #expect(errors("[\(one),[\(members)]]").count == 1)
    }

    @Test("While a request arrives, one event that is too large is refused as soon as it is")
    func arrival() throws {
        func refused(_ text: String, by pieces: Int) -> Int? {
            var arrival = EventParser.Arrival()
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: pieces) {
                let end = min(start + pieces, bytes.count)
                do throws(Refusal) {
                    try arrival.take(bytes[start..<end])
                } catch {
                    #expect(error.errors.map(\.code) == ["too_large"])
                    return end
                }
            }
            return nil
        }
        let exact = "{\(String(repeating: "x", count: 262_142))}"
        let white = String(repeating: " \n", count: 200_000)
        for pieces in [1_000, 4_096, 65_536, 10_000_000] {
            #expect(refused(exact, by: pieces) == nil)
            #expect(refused(white + exact + white, by: pieces) == nil)
            #expect(refused(white + "[" + exact + exact + exact, by: pieces) == nil)
            #expect(refused(white, by: pieces) == nil)
            let late = try #require(refused("  " + exact + " x" + white, by: pieces))
            #expect(late < 262_150 + pieces)
        }
        #expect(refused("\"" + exact + exact, by: 1_000) == 263_000)
    }

    @Test("Who may say when the source recorded it")
    func sources() throws {
        let dated = event(1, more: #","source_recorded_at":"2025-01-31T18:05:00Z""#)
        #expect(
            errors(dated) == [
                "/source_recorded_at is allowed only in an import, or from a service or an administrator"
            ]
        )
        #expect(try parse(dated, from: .trusted)[0].sourceRecordedAt != nil)
    }

    @Test("The request names the episode, not the event")
    func episode() {
        let named = event(1, more: #","episode_id":"0192f0c1-7a00-7000-8000-00000000e001""#)
        for source in [EventParser.Source.writer, .trusted] {
            #expect(
                errors(named, from: source)
                    == ["/episode_id is not allowed: the request names the episode"]
            )
        }
        #expect(errors(named, from: .importLine).isEmpty)
    }

    @Test("What the ledger adds is refused, each field by itself")
    func ledgerFields() {
        #expect(
            errors(event(1, more: #","position":1,"leaf_hash":"00""#)) == [
                "/position is not allowed: the ledger adds it",
                "/leaf_hash is not allowed: the ledger adds it",
            ]
        )
    }

    @Test("Whatever bytes come, they are refused or come back canonical")
    func randomBytes() {
        var generator = SeededRandom(seed: 256)
        var accepted = 0
        let lines = (EventSamples.full + EventSamples.minimal).map {
            EventSamples.line($0.0, data: $0.1)
        }
        for _ in 0..<20_000 {
            var line = lines.randomElement(using: &generator)!
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let at = Int.random(in: 0..<line.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: line.remove(at: at)
                case 1: line[at] = UInt8.random(in: .min ... .max, using: &generator)
                case 2: line.insert(line.randomElement(using: &generator)!, at: at)
                default: line = Array(line.prefix(at)) + line.suffix(line.count / 2)
                }
                if line.isEmpty { line = [0x20] }
            }
            do throws(Refusal) {
                let (episode, draft) = try EventParser.parseLine(line)
                accepted += 1
                let canonical = draft.importLine(episodeID: episode)
                let again = try EventParser.parseLine(canonical)
                #expect(
                    again.draft.importLine(episodeID: again.episodeID) == canonical,
                    "\(generator)"
                )
            } catch {
                #expect(!error.errors.isEmpty && !error.description.isEmpty, "\(generator)")
            }
        }
        #expect(accepted > 100)
    }
}
