/// A ZIP archive without compression (APPNOTE.TXT 6.3.10, method 0), with the same bytes for the same
/// files: no times, no attributes.
enum ZipArchive {
    /// One file.
    struct File: Sendable {
        let name: String
        let bytes: ArraySlice<UInt8>
        /// The checksum that a ZIP archive has of each file.
        fileprivate let sum: UInt32

        init(name: String, bytes: ArraySlice<UInt8>) {
            self.name = name
            self.bytes = bytes
            sum = crc32(bytes)
        }

        init(name: String, bytes: [UInt8]) {
            self.init(name: name, bytes: bytes[...])
        }
    }

    /// The most bytes of an archive: beyond it there are other forms, which nobody needs here.
    static let limit = 1 << 30

    /// The most files of an archive.
    static let fileLimit = 64

    /// Packs files, in the order given.
    static func pack(_ files: [File]) -> [UInt8] {
        var archive: [UInt8] = []
        for file in files {
            archive += little(0x0403_4B50 as UInt32) + Fields(file).bytes + Array(file.name.utf8)
            archive += file.bytes
        }
        return archive + directory(of: files)
    }

    /// What stands behind the files: one entry for each, and the end record.
    private static func directory(of files: [File]) -> [UInt8] {
        var directory: [UInt8] = []
        var offset = 0
        for file in files {
            directory += little(0x0201_4B50 as UInt32) + little(20 as UInt16) + Fields(file).bytes
            // No comment, disk 0, no attributes.
            directory += little(0 as UInt16) + little(0 as UInt16) + little(0 as UInt16)
            directory += little(0 as UInt32) + little(UInt32(offset)) + Array(file.name.utf8)
            offset += 30 + file.name.utf8.count + file.bytes.count
        }
        let length = directory.count
        directory += little(0x0605_4B50 as UInt32) + little(0 as UInt32)
        directory += little(UInt16(files.count)) + little(UInt16(files.count))
        directory += little(UInt32(length)) + little(UInt32(offset)) + little(0 as UInt16)
        return directory
    }

    /// What local header and directory have in common.
    private struct Fields {
        let bytes: [UInt8]

        init(_ file: File) {
            // Version 2.0, names in UTF-8, stored, 1980-01-01 00:00.
            bytes =
                little(20 as UInt16) + little(0x0800 as UInt16) + little(0 as UInt16)
                + little(0 as UInt16) + little(0x0021 as UInt16) + little(file.sum)
                + little(UInt32(file.bytes.count)) + little(UInt32(file.bytes.count))
                + little(UInt16(file.name.utf8.count)) + little(0 as UInt16)
        }
    }

    /// The files of an archive that ``pack(_:)`` has made, and of no other.
    ///
    /// Read from the front, file after file; what follows must be the directory of exactly these.
    /// So no program that unpacks it can see anything else in it: nothing lies in front, behind or
    /// between, no two headers say two things, nothing overlaps. The bytes are parts of the
    /// archive's own.
    ///
    /// - Throws: ``SealError/refused(_:)`` for anything else, a file that does not have its checksum,
    ///   and a name that is there twice.
    static func unpack(_ archive: [UInt8]) throws(SealError) -> [File] {
        var files: [File] = []
        var rest = archive[...]
        while rest.starts(with: little(0x0403_4B50 as UInt32)) {
            guard files.count < fileLimit else { throw refused("it has too many files") }
            let file = try file(&rest)
            guard !files.contains(where: { $0.name == file.name }) else {
                throw refused("\(shown(file.name)) is in it twice")
            }
            files.append(file)
        }
        guard !files.isEmpty else { throw refused("it is no ZIP archive") }
        guard rest.elementsEqual(directory(of: files)) else {
            throw refused("its directory is not that of the files in it")
        }
        return files
    }

    /// Takes one file off the front.
    private static func file(_ rest: inout ArraySlice<UInt8>) throws(SealError) -> File {
        guard rest.count >= 30 else { throw refused("cut off") }
        let start = rest.startIndex
        func number(_ offset: Int, _ length: Int) -> Int {
            (0..<length).reduce(0) { $0 | Int(rest[start + offset + $1]) << (8 * $1) }
        }
        guard number(8, 2) == 0 else {
            throw refused("it was packed again with compression: unpack it and name the folder")
        }
        let (length, name) = (number(22, 4), number(26, 2))
        guard rest.count >= 30 + name + length else { throw refused("cut off") }
        let text = String(decoding: rest[(start + 30)...].prefix(name), as: UTF8.self)
        let file = File(name: text, bytes: rest[(start + 30 + name)...].prefix(length))
        let header = rest[(start + 4)..<(start + 30)]
        let fields = Fields(file).bytes
        guard number(14, 4) == Int(file.sum) else {
            throw refused("\(shown(text)) is damaged")
        }
        guard header.elementsEqual(fields), text.utf8.count == name else {
            throw refused(
                "\(shown(text)) was not packed by this program: unpack it and name the folder"
            )
        }
        rest = rest[(start + 30 + name + length)...]
        return file
    }

    private static func refused(_ reason: String) -> SealError {
        .refused("not a packet: \(reason)")
    }

    /// A name that somebody made up, so that it can be shown.
    static func shown(_ name: String) -> String {
        String(
            name.unicodeScalars.prefix(100).map { ("!"..."~").contains($0) ? Character($0) : "?" }
        )
    }

    private static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in
            sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1
        }
    }

    private static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        crcTable.withUnsafeBufferPointer { table in
            bytes.withUnsafeBufferPointer { bytes in
                var sum: UInt32 = 0xFFFF_FFFF
                for byte in bytes { sum = table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ (sum >> 8) }
                return ~sum
            }
        }
    }
}
