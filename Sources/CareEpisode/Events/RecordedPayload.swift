/// Single members of a recorded payload by their types, read without decoding the rest of it.
///
/// A member that is there and is none of its type throws, as does one that is missing though it must
/// be there: a damaged payload parks its episode, it never counts as a default. Each read scans from
/// the front.
struct RecordedPayload {
    private let object: CanonicalObject

    init(_ bytes: [UInt8]) { object = CanonicalObject(bytes) }

    init(_ bytes: ArraySlice<UInt8>) { object = CanonicalObject(bytes) }

    func string(_ name: StaticString) throws(UnreadablePayload) -> String? {
        try object.read(name, CanonicalObject.text)
    }

    func flag(_ name: StaticString) throws(UnreadablePayload) -> Bool? {
        try object.read(name, CanonicalObject.flag)
    }

    func instant(_ name: StaticString) throws(UnreadablePayload) -> Instant? {
        try object.read(name, CanonicalObject.time)
    }

    func requiredString(_ name: StaticString) throws(UnreadablePayload) -> String {
        try required(try string(name))
    }

    func requiredFlag(_ name: StaticString) throws(UnreadablePayload) -> Bool {
        try required(try flag(name))
    }

    func requiredInteger(
        _ name: StaticString,
        in range: ClosedRange<Int>
    ) throws(UnreadablePayload) -> Int {
        try required(
            try object.read(name) { value in
                CanonicalObject.wholeNumber(value).flatMap { range.contains($0) ? $0 : nil }
            }
        )
    }

    func requiredCode<Code: ClosedCode>(_ name: StaticString) throws(UnreadablePayload) -> Code {
        try required(Code(rawValue: try requiredString(name)))
    }

    func requiredEventID(_ name: StaticString) throws(UnreadablePayload) -> EventID {
        try required(
            try object.read(name) { value in
                CanonicalObject.quoted(value).flatMap { uuidBits($0) }.map { EventID(bits: $0) }
            }
        )
    }

    /// The bytes of an object.
    func requiredObject(_ name: StaticString) throws(UnreadablePayload) -> ArraySlice<UInt8> {
        guard let value = object.rawValue(name), value.first == UInt8(ascii: "{") else {
            throw UnreadablePayload()
        }
        return value
    }

    private func required<Value>(_ value: Value?) throws(UnreadablePayload) -> Value {
        guard let value else { throw UnreadablePayload() }
        return value
    }
}

/// A recorded payload is none of its type: the table was changed behind the ledger's back.
public struct UnreadablePayload: Error, Hashable, CustomStringConvertible {
    /// Says so, without the payload.
    public var description: String { "a recorded payload lacks a member that its type requires" }
}
