/// A uuid.
public struct PostgresUUID: Hashable, Sendable, PostgresEncodable, PostgresDecodable {
    /// The 128 bits, the first byte of the text in the highest place.
    public var bits: UInt128

    /// Takes the 128 bits as they are.
    public init(bits: UInt128) { self.bits = bits }

    /// uuid.
    public static var postgresType: PostgresType { .uuid }

    /// Sixteen bytes.
    public func encode(into bytes: inout [UInt8]) { bytes.appendBigEndian(bits) }

    /// Reads uuid.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        guard type == .uuid else { throw .typeMismatch }
        bits = try bytes.bigEndian()
    }
}
