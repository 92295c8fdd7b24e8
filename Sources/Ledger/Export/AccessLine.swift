import CareEpisode
import TransparencyLog

/// A numbered row of the access log as a line of JSON: what an export of the access log holds beside
/// the entries.
enum AccessLine {
    /// `{"nonce":"…","row":{…},"text":{…}}`: the nonce in base64, and both halves of what was committed
    /// to, byte for byte, without the newline.
    static func write(_ row: AccessRow, in ledger: LedgerName) -> String {
        let (kept, text) = (row.kept?.row(in: ledger) ?? [], row.kept?.text ?? [])
        return String(decoding: write(row.nonce, kept, text), as: UTF8.self)
    }

    private static func write(
        _ nonce: [UInt8],
        _ row: some Sequence<UInt8>,
        _ text: some Sequence<UInt8>
    ) -> [UInt8] {
        var line = Array("{\"nonce\":\"\(Base64.encode(nonce))\",\"row\":".utf8)
        line += row
        line += Array(",\"text\":".utf8)
        line += text
        return line + [UInt8(ascii: "}")]
    }

    /// The longest line that is read, in bytes.
    static let lengthLimit = 1 << 20

    /// What is wrong with a line, of which its entry is taken for true; nil where nothing is.
    static func fault(
        _ line: ArraySlice<UInt8>,
        _ entry: LogEntry,
        isOf origin: String
    ) -> EvidenceFault.Kind? {
        let object = CanonicalObject(line)
        guard line.count <= lengthLimit,
            let nonce = object.string("nonce").flatMap({ Base64.decode($0) }),
            let row = object.rawValue("row"), let text = object.rawValue("text"),
            line.elementsEqual(write(nonce, row, text)), nonce.count == Evidence.nonceLength
        else { return .file("its row is missing or unreadable") }
        let committed = Evidence.commitment(
            nonce: nonce[...],
            header: Array(row),
            payload: Array(text)
        )
        guard entry.bytes.suffix(TreeHash.length).elementsEqual(committed) else { return .content }
        let members = CanonicalObject(row)
        guard let number = members.int("entry"), Int64(number) == entry.version.rawValue else {
            return .column("entry")
        }
        guard members.instant("at") == entry.recordedAt else { return .column("at") }
        guard members.uuidBits("episode_id") ?? 0 == entry.episodeID.bits else {
            return .column("episode_id")
        }
        guard let ledger = members.string("ledger").flatMap({ LedgerName($0) }),
            LogOrigin.of(ledger, .access, is: origin)
        else { return .column("ledger_id") }
        return nil
    }
}
