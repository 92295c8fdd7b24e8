public import CareEpisode
import Documents
import Ledger

extension ReadModelBasis {
    /// What an answer rests on, in a sentence.
    public var words: String {
        var text = "Position \(Words.grouped(position.rawValue))"
        text += lag > 0 ? ", \(Words.grouped(lag)) events behind the head" : ", the head"
        if let knownAt { text += "; as known at \(time(knownAt)) by \(knownBy.words)" }
        text += "."
        if !settings.isEmpty {
            text += " Settings: \(settings.map(\.words).joined(separator: "; "))."
        }
        return text + parkedWords
    }

    /// A time by the ledger's wall clock.
    func time(_ instant: Instant) -> String {
        calendar?.time(instant, withSeconds: true) ?? instant.description
    }

    /// The episodes that an answer may be wrong about; empty where there are none.
    var parkedWords: String {
        guard !parked.isEmpty else { return "" }
        return " May be wrong about \(Words.count(parked.count, "parked episode")): "
            + parked.prefix(3).map(\.description).joined(separator: ", ")
            + (parked.count > 3 ? ", …" : "")
    }
}

extension KnowledgeClock {
    /// Whose clock it is.
    public var words: String {
        self == .source ? "the source's clock where it says so" : "the ledger's clock"
    }
}
