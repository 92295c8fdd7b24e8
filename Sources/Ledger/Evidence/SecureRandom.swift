/// Bytes from the operating system's random source.
enum SecureRandom {
    /// - Parameter count: a multiple of eight.
    static func bytes(_ count: Int) -> [UInt8] {
        precondition(count % 8 == 0)
        var source = SystemRandomNumberGenerator()
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let words = UnsafeMutableRawBufferPointer(buffer)
            while filled < count {
                words.storeBytes(of: source.next(), toByteOffset: filled, as: UInt64.self)
                filled += 8
            }
        }
    }
}
