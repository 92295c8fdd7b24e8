import Foundation
import TestSupport
import TransparencyLog

/// One forgery of a packet, made with everything but the private key.
public enum PacketForgery: String, CaseIterable, Sendable {
    case bit = "a bit of a file changed"
    case memberTwice = "a file twice in the archive"
    case foreignMember = "a file that does not belong there"
    case otherCase = "a name in other letters"
    case prepended = "bytes in front of the archive"
    case appended = "bytes behind the archive, or a comment"
    case gap = "bytes between files and directory"
    case twoHeaders = "two headers of a file that differ"
    case compressed = "a file that says it is compressed"
    case memberMissing = "a file left out"
    case eventMissing = "an event left out"
    case eventsSwapped = "two events swapped"
    case eventTwice = "an event twice"
    case memberOfJSON = "a member of JSON twice, or one more"
    case otherType = "a value of another type or form"
    case whiteSpace = "white space that says nothing"
    case keys = "keys of somebody else"
    case checkpoint = "a checkpoint that says otherwise"
    case ownKey = "a checkpoint signed by somebody else under the log's name"
    case countersigned = "a checkpoint signed by somebody else besides, under another name"
    case extremeEntry = "an entry with numbers beyond all measure"
    case endlessLine = "a line without end, or JSON without bottom"
    case basis = "another time or position of the read models"
    case newestEntry = "another newest entry"
    case instructions = "another script, or other instructions"
    case readModel = "another read model"
    case otherZone = "another time zone of the read models"

    /// Whether the script that comes along looks at what is forged; the read models it leaves to
    /// `verify`, and says so.
    var isSeenByScript: Bool { self != .readModel && self != .otherZone }

    /// Forges a packet.
    ///
    /// - Returns: nil where the packet has nothing that could be forged so.
    func forge(_ packet: ForgedArchive, _ random: inout SeededRandom) -> ForgedArchive? {
        var forged = packet
        guard change(&forged, &random), forged != packet else { return nil }
        return forged
    }

    private static let events = "events.ndjson"
    private static let readable = "readable-events.ndjson"
    private static let basisName = "read-models/basis.json"

    private func change(_ packet: inout ForgedArchive, _ random: inout SeededRandom) -> Bool {
        func index(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &random) }
        func any<Element>(_ list: [Element]) -> Element { list[index(list.count)] }
        let names = packet.members.map(\.name)
        switch self {
        case .bit:
            packet.flip(any(names.filter { !$0.hasPrefix("read-models/") }), &random)
        case .memberTwice:
            var member = any(packet.members)
            if random.happens(0.7) { member.bytes += Array("{\"forged\":true}\n".utf8) }
            packet.members.insert(member, at: index(packet.members.count + 1))
        case .foreignMember:
            let name = any([
                "../../escape", "/etc/escape", "read-models/addendum.html", "README", "a\u{0}b",
                "read-models/../verify.py", "read-models/", "read-models/summary.json", "",
                "events.ndjson ", "__MACOSX/._events.ndjson", "read-models/basis.json/x",
            ])
            packet.members.insert(
                ForgedArchive.Member(name: name, bytes: Array("forged".utf8)),
                at: index(packet.members.count + 1)
            )
        case .otherCase:
            let place = index(packet.members.count)
            var member = packet.members[place]
            member.name =
                member.name.uppercased() == member.name
                ? member.name.lowercased() : member.name.uppercased()
            guard member.name != packet.members[place].name else { return false }
            if random.happens(0.5) {
                packet.members.append(member)
            } else {
                packet.members[place] = member
            }
        case .prepended: packet.prepended = any([[0], Array("PK\u{3}\u{4}".utf8), packet.bytes])
        case .appended:
            if random.happens(0.5) {
                packet.comment = Array("forged".utf8)
            } else {
                packet.appended = any([[0], packet.bytes])
            }
        case .gap: packet.gap = any([[0], Array("forged".utf8)])
        case .twoHeaders:
            let place = index(packet.members.count)
            switch index(3) {
            case 0: packet.members[place].localName = "x" + packet.members[place].name.dropFirst()
            case 1: packet.members[place].directorySkew = 1
            default: packet.members[place].extra = [1, 0, 0, 0]
            }
        case .compressed: packet.members[index(packet.members.count)].method = any([8, 12, 99])
        case .memberMissing:
            // The files of every packet come first; what the events lead to is another kind.
            packet.members.remove(at: index(8))
        case .eventMissing:
            var (events, readable) = (packet.lines(Self.events), packet.lines(Self.readable))
            // Without its last event a packet is as of an earlier one, which is no forgery.
            guard events.count > 1 else { return false }
            let place = index(events.count - 1)
            events.remove(at: place)
            if random.happens(0.7) { readable.remove(at: place) }
            packet.setLines(Self.events, events)
            packet.setLines(Self.readable, readable)
        case .eventsSwapped:
            return packet.swapLines(any([Self.events, Self.readable]), &random)
        case .eventTwice:
            for name in [Self.events, Self.readable] {
                let lines = packet.lines(name)
                packet.setLines(name, lines + [lines[lines.count - 1]])
            }
        case .memberOfJSON:
            switch index(7) {
            case 0:
                return packet.replace(
                    Self.readable,
                    "\"data\":{",
                    "\"data\":{\"forged\":\"no show\"},\"data\":{"
                )
            case 1: return packet.replace(Self.readable, "\"author\":{", "\"extra\":1,\"author\":{")
            case 2:
                return packet.replace(Self.events, "{\"entry\":", "{\"entry\":\"AAAA\",\"entry\":")
            case 3: return packet.replace(Self.events, "{\"entry\":", "{\"more\":{},\"entry\":")
            case 4:
                return packet.replace(
                    "newest-entry.json",
                    "{\"entry\":",
                    "{\"entry\":\"\",\"entry\":"
                )
            case 5:
                return packet.replace(Self.basisName, "{\"at\":", "{\"position\":1,\"at\":")
            default:
                let more = any(["\"settings\":[],", "\"settings\":[],\"forged\":[1],", "\"s\":1,"])
                return packet.replace(Self.basisName, "\"time_zone\":", "\(more)\"time_zone\":")
            }
        case .otherType:
            let (name, from, to) = any([
                (Self.readable, "\"schema_version\":1", "\"schema_version\":true"),
                (Self.readable, "\"schema_version\":1", "\"schema_version\":1.0"),
                (Self.readable, "\"version\":1}", "\"version\":1e0}"),
                (Self.readable, "\"version\":1}", "\"version\":NaN}"),
                (Self.readable, "\"version\":1}", "\"version\":\"1\"}"),
                (Self.readable, "000Z\"", "000+00:00\""),
                (Self.basisName, "\"position\":", "\"position\":0"),
                (Self.basisName, "\"at\":\"", "\"at\":\"+"),
            ])
            return packet.replace(name, from, to)
        case .whiteSpace:
            let name = any([
                Self.events, Self.readable, "checkpoint", "verifier-keys", "newest-entry.json",
                Self.basisName,
            ])
            packet[name] = any([
                packet[name] + [0x0A], [0x0A] + packet[name], packet[name] + [0x20],
                packet[name].dropLast(),
                Array(
                    String(decoding: packet[name], as: UTF8.self).replacing("\n", with: "\r\n").utf8
                ),
                Array("\u{FEFF}".utf8) + packet[name],
            ])
        case .keys: packet.forgeKeys(&random)
        case .checkpoint: packet.forgeCheckpoint(&random)
        case .ownKey: return packet.signAnew()
        case .countersigned: return packet.countersign(&random)
        case .extremeEntry:
            let offset = any([48, 56, 64])
            let number = any([Int64.min, .max, -1, 0, 1 << 53 + 1, 1 << 62])
            return changeEntry(&packet, Self.events, index) { entry in
                withUnsafeBytes(of: number.bigEndian) {
                    entry.replaceSubrange(offset..<offset + 8, with: $0)
                }
            }
        case .endlessLine:
            let count = any([70_000, 2_000_000])
            let text = any([
                String(repeating: "A", count: count), String(repeating: "[", count: count),
                "{\"entry\":\"" + String(repeating: "A", count: count),
                String(repeating: "{\"a\":", count: count),
                "1" + String(repeating: "0", count: count),
            ])
            let name = any([
                Self.events, Self.readable, "newest-entry.json", Self.basisName, "verifier-keys",
                "checkpoint",
            ])
            packet[name] = Array((text + "\n").utf8)
        case .basis:
            let text = String(decoding: packet[Self.basisName], as: UTF8.self)
            if random.happens(0.5) {
                guard let year = text.firstRange(of: "{\"at\":\"20") else { return false }
                packet[Self.basisName] = Array(
                    text.replacingCharacters(in: year, with: any(["{\"at\":\"19", "{\"at\":\"99"]))
                        .utf8
                )
            } else {
                return packet.replace(
                    Self.basisName,
                    "\"position\":",
                    "\"position\":\(1 + index(9))"
                )
            }
        case .newestEntry:
            let lines = packet.lines(Self.events).map { String(decoding: $0, as: UTF8.self) }
            let earlier = any(lines)
            guard let entry = earlier.firstMatch(of: #/"entry":"([^"]*)"/#)?.output.1,
                let proof = earlier.firstMatch(of: #/"proof":\[.*\]/#)?.output
            else { return false }
            packet["newest-entry.json"] = Array("{\"entry\":\"\(entry)\",\(proof)}\n".utf8)
        case .instructions:
            let name = any(["VERIFY.md", "verify.py"])
            packet[name] = any([
                Array("print('OK: 24 events')\n".utf8), packet[name] + Array("# \n".utf8),
            ])
        case .readModel:
            let models = names.filter { $0.hasPrefix("read-models/") && $0 != Self.basisName }
            let name = any(models)
            switch index(3) {
            case 0: packet.flip(name, &random)
            case 1: packet[name] = packet[any(models)]
            default: packet.members.removeAll { $0.name == name }
            }
        case .otherZone:
            let text = String(decoding: packet[Self.basisName], as: UTF8.self)
            let zone = any([
                "Asia/Tokyo", "UTC", "Pacific/Apia", "Nowhere/Land", "../../etc/passwd",
            ])
            packet[Self.basisName] = Array(
                text.replacing(#/"time_zone":"[^"]*"/#, with: "\"time_zone\":\"\(zone)\"").utf8
            )
        }
        return true
    }

    /// Changes the bytes of an entry of a random line.
    private func changeEntry(
        _ packet: inout ForgedArchive,
        _ name: String,
        _ index: (Int) -> Int,
        _ body: (inout [UInt8]) -> Void
    ) -> Bool {
        var lines = packet.lines(name).map { String(decoding: $0, as: UTF8.self) }
        let place = index(lines.count)
        guard let match = lines[place].firstMatch(of: #/"entry":"([^"]*)"/#),
            var entry = Base64.decode(match.output.1)
        else { return false }
        body(&entry)
        lines[place] = lines[place].replacing(
            match.output.0,
            with: "\"entry\":\"\(Base64.encode(entry))\""
        )
        packet.setLines(name, lines.map { Array($0.utf8) })
        return true
    }
}
