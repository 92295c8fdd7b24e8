import CareEpisode
public import Ledger
import TransparencyLog

extension PacketReadModels {
    /// Folds the events of a packet again, and compares the read models in it.
    ///
    /// The time that they are of is not believed: it is when the newest event was recorded that the
    /// checkpoint covers, which the packet proves. The ledger's zone and settings are in no tree: which
    /// ones were gone by is told.
    ///
    /// - Parameters:
    ///   - packet: one whose events are in order.
    ///   - report: what was found about it, with its checkpoint.
    public static func compare(_ packet: PacketVerification, _ report: inout VerificationReport) {
        guard let events = packet.events else {
            report.add(
                .file(
                    "its events cannot be read as this program records them, or are too many to fold"
                )
            )
            return
        }
        let documents = packet.documents
        guard let first = events.first, let header = try? first.decodeHeader(),
            let checkpoint = report.newest,
            let basis = documents[basisName].flatMap({ Basis(Array($0)) }),
            basis.position.rawValue == checkpoint.size,
            basis.at == packet.newestRecordedAt(checkpoint),
            let models = try? PacketReadModels(
                events,
                of: first.episodeID,
                ledger: header.ledger,
                basis: basis,
                checkpoint: checkpoint
            )
        else {
            report.add(.file("\(basisName) is not of this packet"))
            return
        }
        for document in models.documents
        where documents[document.name].map({ !$0.elementsEqual(document.bytes) }) ?? true {
            report.add(.readModel("\(document.name) is not what the events lead to"))
        }
        let names = Set(models.documents.map(\.name))
        for name in documents.keys.sorted() where !names.contains(name) {
            report.add(.readModel("\(name) is there, and the events lead to none"))
        }
        report.add(
            readModel: "those of the packet",
            basis: "as of \(basis.at), with \(basis.settings.entries.count) settings of the ledger"
        )
        report.add(timeZone: basis.timeZone)
    }
}
