import Glibc

/// Bytes from the operating system's random source.
enum SecureRandom {
    /// - Parameter count: at most 256, which is what one call of the system gives.
    static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            guard getentropy(buffer.baseAddress, count) == 0 else {
                preconditionFailure("the system gives no random bytes")
            }
            filled = count
        }
    }
}
