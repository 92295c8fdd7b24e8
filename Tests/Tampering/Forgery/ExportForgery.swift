import Foundation
import TestSupport
import TransparencyLog

/// One forgery of an export with events, or of an access log with its rows, made with everything but the private key.
public enum ExportForgery: String, CaseIterable, Sendable {
    case bit = "a bit of a file changed"
    case fileMissing = "a file left out"
    case foreignFile = "a file that does not belong there"
    case link = "a link in the place of a file"
    case truncated = "a file cut off, or longer"
    case linesSwapped = "two lines swapped"
    case memberOfJSON = "a member of JSON twice, or a value of another form"
    case entriesSwapped = "two entries swapped"
    case stays = "other stays in the census"
    case parked = "an episode that is said to be parked, with other stays"
    case keys = "keys of somebody else"
    case checkpoint = "a checkpoint that says otherwise"
    case ownKey = "a checkpoint signed by somebody else under the log's name"
    case countersigned = "a checkpoint signed by somebody else besides, under another name"
    case ownTree = "another history, its whole tree signed by somebody else"
    case declaration = "a restore that never was"
    case extremeEntry = "an entry with numbers beyond all measure"
    case large = "a file of many megabytes"
    case endlessLine = "a line without end, or JSON without bottom"

    /// Files by their names.
    struct Files: Equatable, ForgedFiles {
        var byName: [String: [UInt8]]

        subscript(name: String) -> [UInt8] {
            get { byName[name] ?? [] }
            set { byName[name] = newValue }
        }

        /// Whether there are the census's stays, as beside events.
        var hasStays: Bool { byName[ExportForgery.staysName] != nil }
    }

    /// Forges an export.
    ///
    /// - Parameters:
    ///   - files: its files by their names.
    ///   - links: told which files are to be links.
    /// - Returns: nil where there is nothing that could be forged so.
    func forge(_ files: Files, links: inout Set<String>, _ random: inout SeededRandom) -> Files? {
        var forged = files
        guard change(&forged, &links, &random), forged != files || !links.isEmpty else {
            return nil
        }
        return forged
    }

    fileprivate static let basisName = "read-models/basis.json"
    fileprivate static let staysName = "read-models/stays.ndjson"

    /// What may be written in another way in an export with events: the file, a part, and what stands there
    /// instead.
    private static func membersOfEvents(
        _ events: String
    ) -> [(name: String, from: String, to: String)] {
        [
            (events, "{\"commitment\":", "{\"commitment\":\"\",\"commitment\":"),
            (events, "\"version\":1}", "\"version\":1.0}"),
            (events, "\"version\":1}", "\"version\":true}"),
            (events, "\"version\":1}", "\"version\":1,\"version\":1}"),
            (events, "\"position\":", "\"position\": "),
            (events, "\"position\":", "\"position\":0"),
            (staysName, "{\"episode_id\":", "{\"ordinal\":7,\"episode_id\":"),
            (staysName, "\"ordinal\":1", "\"ordinal\":true"),
            (staysName, "\"ordinal\":1", "\"ordinal\":1.0"),
            (staysName, "\"ordinal\":1", "\"ordinal\": 1"),
            (staysName, "\"ordinal\":1", "\"ordinal\":1e0"),
            (staysName, "days\":1", "days\":-0"),
            (staysName, "outpatient", "outp\\u0061tient"),
            (staysName, "\"track\":null", "\"track\":\"\""),
            (basisName, "{\"position\":", "{\"position\":1,\"position\":"),
            (basisName, "\"parked\":[]", "\"parked\":[],\"more\":1"),
            (basisName, "America", "\\u0041merica"),
            (basisName, ",", ", "),
        ]
    }

    /// Likewise in an export of an access log.
    private static func membersOfRows(
        _ rows: String
    ) -> [(name: String, from: String, to: String)] {
        [
            ("\"row\":", "\"row\": "), ("\"row\":{", "\"row\":{\"a\":1,"),
            ("\"row\":{", "\"row\":{\"allowed\":true,"),
            ("\"allowed\":true", "\"allowed\":1"), ("\"allowed\":true", "\"allowed\":false"),
            ("{\"nonce\":", "{\"nonce\":\"\",\"nonce\":"),
            ("\"entry\":", "\"entry\": "), ("\"entry\":", "\"entry\":0"), ("n-7", "n-\\u0037"),
            ("n-7", "n-8"), ("[\"clinician\"]", "\"clinician\""), ("[\"clinician\"]", "[]"),
            (",\"text\":{", ",\"text\":{\"detail\":\"\","), ("TREAT", "TREET"),
            ("\"purpose\":\"TREAT\"", "\"purpose\":null"), ("}}", "}}\r"), ("}}", "},\"more\":1}"),
        ]
        .map { (rows, $0.0, $0.1) }
    }

    private func change(
        _ files: inout Files,
        _ links: inout Set<String>,
        _ random: inout SeededRandom
    ) -> Bool {
        func index(_ count: Int) -> Int { Int.random(in: 0..<max(1, count), using: &random) }
        func any<Element>(_ list: [Element]) -> Element { list[index(list.count)] }
        let names = files.byName.keys.sorted()
        let events = any(names.filter { $0.hasPrefix("events/") || $0.hasPrefix("rows/") })
        let bundle = any(names.filter { $0.hasPrefix("tile/entries/") })
        switch self {
        case .bit:
            // Another position of the census may be as true: it is told.
            files.flip(any(names.filter { $0 != Self.basisName }), &random)
        case .fileMissing: files.byName[any(names)] = nil
        case .foreignFile:
            files[
                any([
                    "README", "tile/0/999", "tile/9/000", "read-models/summary.html",
                    "events/x001/000", "events/x000/000", "tile/0/x000/000",
                    "tile/entries/000.p/1", "Checkpoint", "checkpoint.old", "rows/x000/000",
                ])
            ] = Array("forged".utf8)
        case .link: links.insert(any(names))
        case .truncated:
            let name = any(names.filter { $0 != Self.basisName })
            let bytes = files[name]
            files[name] = any([
                bytes.dropLast(1 + index(bytes.count)), bytes + [0], bytes + [0x0A], bytes + bytes,
            ])
        case .linesSwapped:
            return files.swapLines(
                any([events, files.hasStays ? Self.staysName : events]),
                &random
            )
        case .memberOfJSON:
            let (name, from, to) = any(
                files.hasStays ? Self.membersOfEvents(events) : Self.membersOfRows(events)
            )
            return files.replace(name, from, to)
        case .entriesSwapped:
            var bytes = files[bundle]
            guard bytes.count >= 228 else { return false }
            let place = index(bytes.count / 114 - 1) * 114
            let pair = bytes[(place + 114)..<(place + 228)] + bytes[place..<(place + 114)]
            bytes.replaceSubrange(place..<place + 228, with: pair)
            files[bundle] = bytes
        case .stays:
            guard files.hasStays else { return false }
            var all = files.lines(Self.staysName)
            guard !all.isEmpty else { return false }
            switch index(3) {
            case 0: all.remove(at: index(all.count))
            case 1: all.append(all[index(all.count)])
            default: return files.replace(Self.staysName, "outpatient\"", "inpatient\"")
            }
            files.setLines(Self.staysName, all)
        case .parked:
            var all = files.lines(Self.staysName)
            guard let line = all.randomElement(using: &random) else { return false }
            let text = String(decoding: line, as: UTF8.self)
            guard let episode = text.firstMatch(of: #/"episode_id":"([^"]*)"/#)?.output.1 else {
                return false
            }
            // All of its stays, one of them, or none.
            let kept = any([[], [line], all])
            let others = all.filter { !String(decoding: $0, as: UTF8.self).contains(episode) }
            all = kept == all ? all : (others + kept).sorted { $0.lexicographicallyPrecedes($1) }
            files.setLines(Self.staysName, all)
            return files.replace(Self.basisName, "\"parked\":[]", "\"parked\":[\"\(episode)\"]")
        case .keys: files.forgeKeys(&random)
        case .checkpoint: files.forgeCheckpoint(&random)
        case .ownKey: return files.signAnew()
        case .countersigned: return files.countersign(&random)
        case .ownTree:
            guard let root = rewrite(&files, bundle, index) else { return false }
            return files.signAnew { text in
                var all = text.components(separatedBy: "\n")
                all[2] = root.description
                return all.joined(separator: "\n")
            }
        case .declaration:
            let origin = files.origin
            let keys = [
                files.foreignKey, NoteSigningKey(generatedFor: any(["\(origin)/2", origin])),
            ]
            let hash = TreeHash.leaf([UInt8(index(256))])
            let text = forgedDeclaration(
                of: any([origin, "\(origin)/2", "elsewhere/x"]),
                size: any([900, 9_000_000]),
                root: hash,
                kept: (Int64(index(500)), hash),
                begun: keys[1].verifierKey
            )
            guard let note = try? SignedNote(text, signedBy: any([keys, [keys[1]], [keys[0]]]))
            else { return false }
            files["restore-declarations"] = any([
                Array(note.description.utf8), [], Array("none\n\n".utf8),
            ])
        case .extremeEntry:
            var bytes = files[bundle]
            guard !bytes.isEmpty else { return false }
            let place = index(bytes.count / 114) * 114 + 2 + any([48, 56, 64, 72])
            let number = any([Int64.min, .max, -1, 1 << 53 + 1, 1 << 62])
            withUnsafeBytes(of: number.bigEndian) {
                bytes.replaceSubrange(place..<place + 8, with: $0)
            }
            files[bundle] = bytes
        case .large:
            let byte = any([0, 0x0A, UInt8(ascii: "a")])
            files[any(names)] = [UInt8](repeating: byte, count: 20_000_000)
        case .endlessLine:
            let text = any([
                String(repeating: "A", count: 2_000_000), String(repeating: "[", count: 100_000),
                "{\"commitment\":\"" + String(repeating: "A", count: 2_000_000),
                "1" + String(repeating: "0", count: 100_000),
            ])
            let read = files.hasStays ? [Self.staysName, Self.basisName] : []
            files[any([events, "verifier-keys", "checkpoint"] + read)] = Array((text + "\n").utf8)
        }
        return true
    }

    /// Changes an entry, and every hash that follows from it.
    ///
    /// - Returns: the root of the tree that the entries make now.
    private func rewrite(_ files: inout Files, _ bundle: String, _ index: (Int) -> Int) -> TreeHash?
    {
        var bytes = files[bundle]
        guard !bytes.isEmpty else { return nil }
        bytes[index(bytes.count / 114) * 114 + 2 + 80 + index(32)] ^= 1
        files[bundle] = bytes
        var edge = TreeEdge()
        for name in files.byName.keys.filter({ $0.hasPrefix("tile/entries/") }).sorted() {
            let entries = files[name]
            for start in stride(from: 2, to: entries.count, by: 114) {
                edge.append(TreeHash.leaf(entries[start..<start + 112]))
            }
        }
        for tile in edge.takeFullTiles() { files[tile.id.path] = TreeHash.bytes(of: tile.hashes) }
        for tile in edge.partialTiles { files[tile.id.path] = TreeHash.bytes(of: tile.hashes) }
        return edge.root
    }
}
