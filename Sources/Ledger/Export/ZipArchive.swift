/// A ZIP archive without compression (APPNOTE.TXT 6.3.10, method 0), with the same bytes for the same
/// files: no times, no attributes.
enum ZipArchive {
    /// One file.
    struct File: Sendable {
        let name: String
        let bytes: [UInt8]
    }

    /// The most bytes of an archive: beyond it there are other forms, which nobody needs here.
    static let limit = 1 << 30

    /// Packs files, in the order given.
    static func pack(_ files: [File]) -> [UInt8] {
        var archive: [UInt8] = []
        var directory: [UInt8] = []
        for file in files {
            let fields = Fields(file)
            let offset = UInt32(archive.count)
            archive += little(0x0403_4B50 as UInt32) + fields.bytes + Array(file.name.utf8)
            archive += file.bytes
            directory += little(0x0201_4B50 as UInt32) + little(20 as UInt16) + fields.bytes
            // No comment, disk 0, no attributes.
            directory += little(0 as UInt16) + little(0 as UInt16) + little(0 as UInt16)
            directory += little(0 as UInt32) + little(offset) + Array(file.name.utf8)
        }
        let start = UInt32(archive.count)
        archive += directory
        archive += little(0x0605_4B50 as UInt32) + little(0 as UInt32)
        archive += little(UInt16(files.count)) + little(UInt16(files.count))
        archive += little(UInt32(directory.count)) + little(start) + little(0 as UInt16)
        return archive
    }

    /// What local header and directory have in common.
    private struct Fields {
        let bytes: [UInt8]

        init(_ file: File) {
            // Version 2.0, names in UTF-8, stored, 1980-01-01 00:00.
            bytes =
                little(20 as UInt16) + little(0x0800 as UInt16) + little(0 as UInt16)
                + little(0 as UInt16) + little(0x0021 as UInt16) + little(crc32(file.bytes))
                + little(UInt32(file.bytes.count)) + little(UInt32(file.bytes.count))
                + little(UInt16(file.name.utf8.count)) + little(0 as UInt16)
        }
    }

    /// The files of an archive that is not compressed.
    ///
    /// - Throws: ``SealError/refused(_:)`` for anything else, a file that does not have its checksum
    ///   included.
    static func unpack(_ archive: [UInt8]) throws -> [File] {
        func refuse(_ reason: String) -> SealError { .refused("not a packet: \(reason)") }
        func number(_ offset: Int, _ length: Int) throws -> Int {
            guard offset >= 0, offset + length <= archive.count else { throw refuse("cut off") }
            return (0..<length).reduce(0) { $0 | Int(archive[offset + $1]) << (8 * $1) }
        }
        // The end of the directory, before a comment of at most 65,535 bytes.
        var end = archive.count - 22
        while end >= max(0, archive.count - 22 - 65_535) {
            if try number(end, 4) == 0x0605_4B50 { break }
            end -= 1
        }
        guard end >= 0, try number(end, 4) == 0x0605_4B50 else {
            throw refuse("it is no ZIP archive")
        }
        let count = try number(end + 10, 2)
        var offset = try number(end + 16, 4)
        var files: [File] = []
        for _ in 0..<count {
            guard try number(offset, 4) == 0x0201_4B50 else { throw refuse("a broken directory") }
            guard try number(offset + 10, 2) == 0 else {
                throw refuse("it was packed again with compression: unpack it and name the folder")
            }
            let (sum, length) = (try number(offset + 16, 4), try number(offset + 24, 4))
            let (name, extra, comment) = (
                try number(offset + 28, 2), try number(offset + 30, 2), try number(offset + 32, 2)
            )
            let local = try number(offset + 42, 4)
            guard offset + 46 + name <= archive.count else { throw refuse("cut off") }
            let text = String(decoding: archive[(offset + 46)...].prefix(name), as: UTF8.self)
            let start = local + 30 + (try number(local + 26, 2)) + (try number(local + 28, 2))
            guard start + length <= archive.count else { throw refuse("cut off") }
            let bytes = Array(archive[start..<start + length])
            guard crc32(bytes) == UInt32(sum) else { throw refuse("\(text) is damaged") }
            files.append(File(name: text, bytes: bytes))
            offset += 46 + name + extra + comment
        }
        return files
    }

    private static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in
            sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1
        }
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(0xFFFF_FFFF) { sum, byte in
            crcTable[Int((sum ^ UInt32(byte)) & 0xFF)] ^ (sum >> 8)
        }
    }
}
