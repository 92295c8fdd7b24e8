/// The payload that a correction puts in place of an earlier one.
///
/// Its type is the target's, which only the episode knows: ``EpisodeState/decide(_:)`` checks it. Its
/// canonical bytes need no type, because instants are known by their fields' names (`at`, `…_at`) in
/// every type of the catalog, and no payload that can be corrected holds a UUID. So a correction has
/// one canonical form from the moment it is parsed.
public struct Replacement: Hashable, Sendable {
    /// Canonical but for one thing: whole numbers not written as integers keep a fraction `.0`.
    ///
    /// Integer fields refuse those, and which fields are integers is known only with the type.
    private let text: [UInt8]
    private let keepsFractions: Bool

    /// A replacement by this payload.
    public init(_ data: EventData) {
        text = data.canonicalBytes()
        keepsFractions = false
    }

    /// An empty object, where there is none to read.
    init() {
        text = Array("{}".utf8)
        keepsFractions = false
    }

    init(reading object: ObjectReader) {
        text = object.shape.document.canonical(object.node, .ledgerKeepingFractions)
        keepsFractions = text != object.shape.document.canonical(object.node, .ledger)
    }

    /// The canonical JSON of the payload.
    public var canonicalBytes: [UInt8] {
        guard keepsFractions else { return text }
        return JSONReader.read(text).document.canonical(0, .ledger)
    }

    /// The payload as one of the target's type.
    ///
    /// Throws a ``Refusal`` with everything that is wrong, its pointers beginning at
    /// `/data/replacement`.
    public func decode(as type: EventType) throws(Refusal) -> EventData {
        try EventData.decode(type, schemaVersion: 1, payload: text, prefix: "/data/replacement")
    }
}

extension Replacement: CanonicalValue {
    func write(to writer: inout CanonicalWriter) { writer.write(canonical: canonicalBytes) }
}
